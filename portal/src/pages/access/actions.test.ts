import { describe, expect, it } from "vitest";
import { actionsOf, faultOf, permits } from "./actions";

const ML = "Microsoft.MachineLearningServices/workspaces";

describe("a pattern", () => {
  it("that is no action is told of", () => {
    expect(faultOf(`${ML}/*/read`)).toBe("");
    expect(faultOf("")).not.toBe("");
    expect(faultOf("<script>")).toContain("Actions look like");
  });
});

it("with resources are no actions on what is in them", () => {
  const all = { actions: ["*"], notActions: [], dataActions: [], notDataActions: [] };
  expect(permits(all, { name: `${ML}/read`, what: "", isData: false })).toBe(true);
  expect(permits(all, { name: "Microsoft.Storage/x/read", what: "", isData: true })).toBe(false);
});

it("the server's description gives each action once, with those that no route asks for", () => {
  const found = actionsOf({
    paths: {
      "/a": { get: { "x-action": `${ML}/read`, summary: "Get Workspace" }, put: { summary: "Open" } },
      "/b": { get: { "x-action": `${ML}/READ`, summary: "Again" } },
    },
  });
  expect(found.filter(({ name }) => name.toLowerCase() === `${ML}/read`.toLowerCase())).toHaveLength(1);
  expect(found.find(({ name }) => name === `${ML}/read`)?.what).toBe("Get workspace");
  expect(found.some(({ name }) => name.endsWith("registries/pull/read"))).toBe(true);
});
