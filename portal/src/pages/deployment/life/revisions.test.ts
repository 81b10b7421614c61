import { expect, it } from "vitest";
import type { Change, Revision } from "../../../api/endpoints";
import { changesBetween } from "./revisions";

const MASK = "********";
const revision = (number: number, ...changes: [field: string, before: unknown, after: unknown][]): Revision => ({
  id: `revisions/${number}`,
  name: `r${number}`,
  properties: {
    number,
    state: "Superseded",
    createdAt: "",
    createdBy: "",
    changes: changes.map(([field, before, after]): Change => ({ field, before, after })),
  },
});
const third = revision(3, ["model", "b", "a"], ["environmentVariables.A", "1", null]);
const second = revision(
  2,
  ["model", "a", "b"],
  ["environmentVariables.KEY", MASK, MASK],
  ["environmentVariables.A", null, "1"],
);
const first = revision(1);
const all = [third, second, first];
const changesBackTo = (target: Revision, revisions: readonly Revision[]) =>
  changesBetween(revisions[0] as Revision, target, revisions);

it("going back is what has changed since then, the other way round", () => {
  expect(changesBackTo(second, all)).toEqual([
    { field: "model", before: "a", after: "b" },
    { field: "environmentVariables.A", before: null, after: "1" },
  ]);
});

it("what has become as it was then does not change, but a secret may", () => {
  expect(changesBackTo(first, all)).toEqual([{ field: "environmentVariables.KEY", before: MASK, after: MASK }]);
});

it("a value that is taken away comes back", () => {
  const later = revision(4, ["environmentVariables.B", "2", null]);
  expect(changesBackTo(third, [later, ...all])).toEqual([
    { field: "environmentVariables.B", before: null, after: "2" },
  ]);
});

it("nothing changes by going back to what is wanted now", () => {
  expect(changesBackTo(third, all)).toEqual([]);
});

it("when instances sleep and the version of Flowstead do not come back", () => {
  const later = revision(4, ["scaleSettings.idleTime", "PT5M", "PT10S"], ["runtime", null, null]);
  expect(changesBackTo(third, [later, ...all])).toEqual([]);
});

it("from one that is older it goes forwards", () => {
  expect(changesBetween(first, second, all)).toEqual(second.properties.changes);
  expect(changesBetween(first, third, all)).toEqual([{ field: "environmentVariables.KEY", before: MASK, after: MASK }]);
});
