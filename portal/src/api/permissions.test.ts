import { describe, expect, it } from "vitest";
import { SUBSCRIPTION_ID, WORKSPACE_ID } from "./client";
import { refusalOf } from "./may";
import { actionOf, allows, type Held, leastRole, matches, may, resourceOf, wholeOf } from "./permissions";

const ML = "Microsoft.MachineLearningServices/workspaces";
const NOTHING = { actions: [], notActions: [], dataActions: [], notDataActions: [] };
const CONTRIBUTOR = { ...NOTHING, actions: ["*"], notActions: ["Microsoft.Authorization/*/Write"] };
const READER = { ...NOTHING, actions: ["*/read"] };
const WRITE_ENDPOINT = wholeOf("onlineEndpoints/write");

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
});

it("what is taken away is not allowed, whatever the case", () => {
  expect(allows(CONTRIBUTOR, `${ML}/read`)).toBe(true);
  expect(allows(CONTRIBUTOR, "microsoft.authorization/roleAssignments/write")).toBe(false);
});

describe("a person", () => {
  const held: Held[] = [
    { scope: `${WORKSPACE_ID}/onlineEndpoints/chat`, ...CONTRIBUTOR },
    { scope: WORKSPACE_ID, ...READER },
  ];

  it("may on a scope and below it what one of the roles there allows", () => {
    expect(may(held, WRITE_ENDPOINT, `${WORKSPACE_ID}/onlineEndpoints/CHAT`)).toBe(true);
    expect(may(held, wholeOf("onlineEndpoints/deployments/write"), `${WORKSPACE_ID}/onlineEndpoints/chat/x/y`)).toBe(
      true,
    );
    expect(may(held, WRITE_ENDPOINT, `${WORKSPACE_ID}/onlineEndpoints/chat-2`)).toBe(false);
    expect(may(held, WRITE_ENDPOINT, WORKSPACE_ID)).toBe(false);
    expect(may(held, wholeOf("read"), WORKSPACE_ID)).toBe(true);
    expect(may(held, wholeOf("read"), SUBSCRIPTION_ID)).toBe(false);
  });

  it("may with a role on everything", () => {
    expect(may([{ scope: "/", ...READER }], wholeOf("read"), WORKSPACE_ID)).toBe(true);
    expect(may([{ scope: "/", ...NOTHING, dataActions: ["*"] }], wholeOf("read"), WORKSPACE_ID)).toBe(false);
  });
});

describe("a request needs", () => {
  it("the action of its route", () => {
    expect(actionOf("GET", `${WORKSPACE_ID}/connections/llm`)).toBe(`${ML}/connections/read`);
    expect(actionOf("POST", `${WORKSPACE_ID}/connections/llm/listSecrets`)).toBe(
      `${ML}/connections/listsecrets/action`,
    );
    expect(actionOf("PUT", `${WORKSPACE_ID}/flows/f/files/a/b.py`)).toBe(`${ML}/flows/write`);
    expect(actionOf("GET", `${WORKSPACE_ID}/providers/Microsoft.Authorization/roleAssignments`)).toBe(
      "Microsoft.Authorization/roleAssignments/read",
    );
  });

  it("none when everybody may ask it", () => {
    expect(actionOf("GET", "/session")).toBe("");
    expect(actionOf("GET", "/flowstead.blob.core.private/azureml-blobstore/x")).toBe("");
  });
});

it("the innermost resource is that which a role can be granted on", () => {
  expect(resourceOf(`${WORKSPACE_ID}/connections/llm/listSecrets`)).toBe(`${WORKSPACE_ID}/connections/llm`);
  expect(resourceOf(`${WORKSPACE_ID}/connections`)).toBe(WORKSPACE_ID);
  expect(resourceOf(SUBSCRIPTION_ID)).toBe(SUBSCRIPTION_ID);
  expect(resourceOf("/providers/Microsoft.Authorization/roleAssignments")).toBe("/");
});

describe("a refusal", () => {
  const who = { name: "rita", type: "User", principalId: "7e", tenantId: "t" };

  it("names the least role that is enough, and what grants it", () => {
    const said = refusalOf(who, [], WRITE_ENDPOINT, `${WORKSPACE_ID}/onlineEndpoints/chat/it's`);
    expect(said?.role).toBe("AzureML Data Scientist");
    expect(said?.command).toBe(
      `flowstead role assignment create --role "AzureML Data Scientist" --assignee-object-id 7e --scope ${WORKSPACE_ID}/onlineEndpoints/chat`,
    );
    expect(leastRole("no/such/action")).toBe("Owner");
  });

  it("says of somebody from elsewhere what he is", () => {
    const said = refusalOf({ ...who, issuer: "https://id.example" }, [], WRITE_ENDPOINT, WORKSPACE_ID);
    expect(said?.command).toMatch(/ --assignee-principal-type User$/);
  });

  it("is none where a role allows it", () => {
    expect(refusalOf(who, [{ scope: "/", ...CONTRIBUTOR }], WRITE_ENDPOINT, WORKSPACE_ID)).toBeNull();
  });
});
