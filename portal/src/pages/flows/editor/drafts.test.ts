import { expect, test } from "vitest";
import { overtaken, saved, written } from "./drafts";

const shown = { text: "a", etag: '"1"' };

test("a draft keeps what it was made from, whatever comes in between", () => {
  const first = written({}, "f", "ab", shown);
  const second = written(first, "f", "abc", { text: "theirs", etag: '"2"' });
  expect(second).toEqual({ f: { text: "abc", base: "a", etag: '"1"' } });
  expect(written(second, "f", "a", shown)).toEqual({});
});

test("what is written while it is saved stays a draft", () => {
  const drafts = written(written({}, "f", "ab", shown), "f", "abc", shown);
  expect(saved(drafts, "f", "ab", '"2"')).toEqual({ f: { text: "abc", base: "ab", etag: '"2"' } });
  expect(saved(drafts, "f", "abc", '"2"')).toEqual({});
});

test("a file that another has changed or deleted is overtaken", () => {
  const drafts = written(written({}, "f", "ab", shown), "g", "x", shown);
  expect(overtaken(drafts, [{ path: "f", size: 1, etag: '"1"' }])).toEqual(["g"]);
  expect(overtaken(drafts, [{ path: "f", size: 1, etag: '"2"' }])).toEqual(["f", "g"]);
});
