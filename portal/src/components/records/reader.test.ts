import { expect, test } from "vitest";
import { isIn, JoinedRecords, type Row } from "./reader";
import type { CollectedRecord } from "./record";

function records(...given: [string, number][]) {
  const left = given.map(([correlationId, time], index): CollectedRecord => {
    return { correlationId, time, cells: {}, rows: 1, place: { path: "p", from: index, length: 1 } };
  });
  return { peek: async () => left[0] ?? null, take: () => void left.shift() };
}

function shape(rows: Row[]) {
  return rows.map((row) => [row.key, Object.keys(row.parts).sort().join("+")]);
}

test("inputs and outputs of a request are one row, newest first", async () => {
  const joined = new JoinedRecords([
    ["in", records(["c", 30], ["b", 20], ["a", 10])],
    ["out", records(["b", 33], ["c", 31], ["a", 11])],
  ]);
  const first = await joined.page(2);
  expect(shape(first.rows)).toEqual([
    ["b", "in+out"],
    ["c", "in+out"],
  ]);
  expect(first.more).toBe(true);
  const last = await joined.page(2);
  expect(shape(last.rows)).toEqual([["a", "in+out"]]);
  expect(last.more).toBe(false);
});

test("a row whose other half never came is shown, and holds nothing up for ever", async () => {
  const hour = 3_600_000;
  const joined = new JoinedRecords([
    ["in", records(["old", 0])],
    ["out", records(["alone", hour], ["old", 1])],
  ]);
  const page = await joined.page(1);
  expect(shape(page.rows)).toEqual([["alone", "out"]]);
  expect(shape((await joined.page(5)).rows)).toEqual([["old", "in+out"]]);
});

test("an id that is used twice makes two rows", async () => {
  const joined = new JoinedRecords([["in", records(["a", 2], ["a", 1])]]);
  const { rows } = await joined.page(5);
  expect(rows.map((row) => row.time)).toEqual([2, 1]);
  expect(new Set(rows.map((row) => row.key)).size).toBe(2);
});

test("files outside of the time are not opened", () => {
  const span = { from: Date.UTC(2026, 0, 2), to: Date.UTC(2026, 0, 3) };
  expect(isIn("m/e/d/c/2026/01/02/05/i.jsonl", span)).toBe(true);
  expect(isIn("m/e/d/c/2026/01/01/05/i.jsonl", span)).toBe(false);
  expect(isIn("m/e/d/c/2026/01/04/05/i.jsonl", span)).toBe(false);
  expect(isIn("m/e/d/c/2026/01/02/05/i.txt", span)).toBe(false);
});
