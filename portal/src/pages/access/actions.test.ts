import { describe, expect, it } from "vitest";
import { actionsOf, allows, faultOf, matches, permits } from "./actions";

const ML = "Microsoft.MachineLearningServices/workspaces";

describe("a pattern", () => {
  it("covers what its stars stand for, whatever the case", () => {
    expect(matches("*", `${ML}/read`)).toBe(true);
    expect(matches("*/read", `${ML}/connections/READ`)).toBe(true);
    expect(matches("*/read", `${ML}/connections/listsecrets/action`)).toBe(false);
    expect(matches(`${ML}/connections/listsecrets/action`, `${ML}/Connections/listSecrets/action`)).toBe(true);
    expect(matches(`${ML}.read`, `${ML}/read`)).toBe(false);
  });

  it("takes a star between slashes for nothing too, as Azure's roles count on", () => {
    expect(matches(`${ML}/*/read`, `${ML}/read`)).toBe(true);
    expect(matches(`${ML}/*/read`, `${ML}/a/b/read`)).toBe(true);
    expect(matches(`${ML}/*/write`, `${ML}/awrite`)).toBe(false);
  });

  it("that is no action is told of", () => {
    expect(faultOf(`${ML}/*/read`)).toBe("");
    expect(faultOf("")).not.toBe("");
    expect(faultOf("<script>")).toContain("Actions look like");
  });
});

it("what is taken away is not allowed, and actions are no data actions", () => {
  const contributor = {
    actions: ["*"],
    notActions: ["Microsoft.Authorization/*/Write"],
    dataActions: [],
    notDataActions: [],
  };
  expect(allows(contributor, `${ML}/read`)).toBe(true);
  expect(allows(contributor, "Microsoft.Authorization/roleAssignments/write")).toBe(false);
  expect(permits(contributor, { name: "Microsoft.Storage/x/read", what: "", isData: true })).toBe(false);
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
