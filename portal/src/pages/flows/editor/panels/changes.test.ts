import { expect, test } from "vitest";
import { around, changesBetween, linesBetween } from "./changes";

const file = (path: string, etag: string) => ({ path, size: 1, etag });

test("files are added, changed and deleted", () => {
  const before = [file("a", "1"), file("b", "1"), file("c", "1")];
  const after = [file("a", "1"), file("b", "2"), file("d", "1")];
  expect(changesBetween(before, after)).toEqual([
    { path: "b", kind: "changed" },
    { path: "c", kind: "deleted" },
    { path: "d", kind: "added" },
  ]);
});

const shown = (before: string, after: string) => linesBetween(before, after).map(({ sign, text }) => sign + text);

test("lines are matched by what both have", () => {
  expect(shown("a\nb\nc\nd", "a\nx\nc\nd\ne")).toEqual([" a", "-b", "+x", " c", " d", "+e"]);
  expect(shown("", "a")).toEqual(["-", "+a"]);
  expect(shown("a\nb", "a\nb")).toEqual([" a", " b"]);
});

test("only what is near a change is shown", () => {
  const before = Array.from({ length: 20 }, (_, index) => String(index)).join("\n");
  const lines = around(linesBetween(before, before.replace("\n10\n", "\nten\n")), 1);
  expect(lines.map((line) => (line ? line.sign + line.text : "…"))).toEqual(["…", " 9", "-10", "+ten", " 11", "…"]);
});
