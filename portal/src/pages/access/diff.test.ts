import { expect, it } from "vitest";
import { changesOf } from "./diff";

it("tells the values that differ, and nothing else", () => {
  const before = { sku: "DS1", count: 1, tags: { a: "1", b: "2" }, list: ["x", "y"] };
  const after = { sku: "DS1", count: 3, tags: { a: "1", c: "" }, list: ["x"] };
  expect(changesOf(before, after)).toEqual([
    { path: "count", before: "1", after: "3" },
    { path: "list[1]", before: "y", after: null },
    { path: "tags.b", before: "2", after: null },
    { path: "tags.c", before: null, after: "" },
  ]);
});

it("of a creation all values are new, of a deletion all are gone", () => {
  expect(changesOf(null, { a: true })).toEqual([{ path: "a", before: null, after: "true" }]);
  expect(changesOf({ a: true }, null)).toEqual([{ path: "a", before: "true", after: null }]);
  expect(changesOf(null, null)).toEqual([]);
});
