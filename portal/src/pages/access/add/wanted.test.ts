import { expect, it } from "vitest";
import type { Principal, Role } from "../../../api/access";
import { wantedOf } from "./wanted";

const ENDPOINTS = "/subscriptions/s/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints";
const STRANGER = "caac1e5d-65b9-4755-825e-3b2b5b285675";
const ROLES = [{ id: "/r/1", name: "1", properties: { roleName: "AcrPull" } }] as Role[];
const principal = (name: string, principalId: string, type: string, resourceId = "") =>
  ({ id: "", name, properties: { type, principalId, resourceId } }) as Principal;
const ALL = [
  principal("rita", "u-1", "User"),
  principal("chat", "e-1", "ManagedIdentity", `${ENDPOINTS}/chat`),
  principal("own", "i-1", "ManagedIdentity", "/identities/own"),
  principal("twice", "t-1", "ManagedIdentity", `${ENDPOINTS}/twice`),
  principal("twice", "t-2", "ManagedIdentity", "/identities/twice"),
];

it("role and member of the address are filled in", () => {
  const { draft, missing } = wantedOf("acrpull", "E-1", ROLES, ALL);
  expect(missing).toEqual([]);
  expect(draft.role?.id).toBe("/r/1");
  expect(draft.kind).toBe("identity");
  expect(draft.members).toEqual([
    { objectId: "e-1", name: "chat", kind: "Machine learning online endpoint", type: "ServicePrincipal" },
  ]);
  expect(wantedOf("AcrPull", "rita", ROLES, ALL).draft).toMatchObject({ kind: "person", members: [{ type: "User" }] });
  expect(wantedOf("", "own", ROLES, ALL).draft.members[0]?.kind).toBe("User-assigned managed identity");
});

it("whom an external issuer knows is given by object id", () => {
  expect(wantedOf("AcrPull", STRANGER, ROLES, ALL).draft.members).toMatchObject([{ objectId: STRANGER, type: "User" }]);
});

it("what is not there, or not one alone, is told and left to be selected", () => {
  for (const who of ["nobody", "twice"]) {
    const { draft, missing } = wantedOf("Gone", who, ROLES, ALL);
    expect([draft.role, draft.members]).toEqual([null, []]);
    expect(missing).toHaveLength(2);
  }
  expect(wantedOf("", "", ROLES, ALL)).toEqual({ draft: { role: null, kind: "person", members: [] }, missing: [] });
});

it("who may not see names is not told that there is nobody", () => {
  expect(wantedOf("", "rita", ROLES, null).missing).toEqual([
    "Your roles do not show who is called rita. Select the members, or give an object id.",
  ]);
  expect(wantedOf("", STRANGER, ROLES, null).missing).toEqual([]);
});
