import { expect, it } from "vitest";
import { isGuid, joined, type Member } from "./draft";

const member = (objectId: string): Member => ({ objectId, name: objectId, kind: "User", type: "User" });

it("whoever is chosen twice is a member once", () => {
  expect(joined([member("A")], [member("a"), member("b")]).map(({ objectId }) => objectId)).toEqual(["A", "b"]);
});

it("an object id is told from a name", () => {
  expect(isGuid("CAAC1E5D-65b9-4755-825e-3b2b5b285675")).toBe(true);
  expect(isGuid("chat")).toBe(false);
});
