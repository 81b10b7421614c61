import { expect, test } from "vitest";
import { durationOf } from "./duration";

test.each([
  [0, "0 ms"],
  [23.6, "24 ms"],
  [999.6, "1.0 s"],
  [1700, "1.7 s"],
  [125_000, "2 min 5 s"],
])("%d ms", (ms, text) => expect(durationOf(ms)).toBe(text));
