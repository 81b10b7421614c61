import { expect, it } from "vitest";
import { GROUP_ID, WORKSPACE_ID } from "../../api/client";
import { isInherited, scopeOf, titleOf } from "./scopes";

it("a word that is no scope means the workspace", () => {
  expect(scopeOf("group").key).toBe("workspace");
});

it("an address names a scope by its short name or its id", () => {
  expect(scopeOf(undefined).id).toBe(WORKSPACE_ID);
  expect(scopeOf("resource-group").id).toBe(GROUP_ID);
  expect(scopeOf(GROUP_ID.toUpperCase()).key).toBe("resource-group");
  expect(scopeOf("endpoint:chat").id).toBe(`${WORKSPACE_ID}/onlineEndpoints/chat`);
  expect(scopeOf(`${WORKSPACE_ID}/connections/aoai`)).toMatchObject({ key: "connection:aoai", name: "aoai" });
  expect(titleOf(scopeOf("endpoint:chat"))).toBe("Endpoint chat");
});

it("other ids are scopes too, under their last name", () => {
  const id = "/subscriptions/S/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/theirs";
  expect(scopeOf(`${id}/`)).toMatchObject({ id, key: id, name: "theirs" });
  expect(scopeOf("/")).toMatchObject({ id: "/", kind: "Everything" });
});

it("what is granted above is inherited, what is granted beside is not", () => {
  expect(isInherited("/", WORKSPACE_ID)).toBe(true);
  expect(isInherited(GROUP_ID, WORKSPACE_ID)).toBe(true);
  expect(isInherited(WORKSPACE_ID, WORKSPACE_ID)).toBe(false);
  expect(isInherited(`${WORKSPACE_ID}x`, WORKSPACE_ID)).toBe(false);
});
