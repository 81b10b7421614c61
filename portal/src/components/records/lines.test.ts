import { expect, test } from "vitest";
import { LinesFromEnd } from "./lines";

async function read(text: string) {
  const bytes = new TextEncoder().encode(text);
  const pieces: number[] = [];
  const lines = new LinesFromEnd(async (from, to) => {
    pieces.push(to - from);
    return bytes.slice(from, to);
  }, bytes.length);
  const found: [string, number][] = [];
  for (let line = await lines.next(); line; line = await lines.next())
    found.push([new TextDecoder().decode(line.bytes), line.from]);
  return { found, pieces };
}

test("lines come from the last to the first, with where they begin", async () => {
  expect((await read("a\nbé\n\nc\n")).found).toEqual([
    ["c", 7],
    ["bé", 2],
    ["a", 0],
  ]);
  expect((await read("no newline")).found).toEqual([["no newline", 0]]);
  expect((await read("")).found).toEqual([]);
});

test("a long file is read in pieces, a line that is longer than a piece whole", async () => {
  const long = "x".repeat(300_000);
  const { found, pieces } = await read(`${"y".repeat(70_000)}\n${long}\nz\n`);
  expect(found.map(([text]) => text.length)).toEqual([1, 300_000, 70_000]);
  expect(pieces.length).toBeGreaterThan(2);
  expect(Math.max(...pieces)).toBeLessThan(300_000);
});
