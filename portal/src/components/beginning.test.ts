import { expect, it } from "vitest";
import { ExactNumber, writeJson } from "../api/exactJson";
import { beginningOf, blocksOf } from "./beginning";

const VALUE = {
  texts: ["a", 'q"\n', "é"],
  none: {},
  empty: [],
  deep: [{ a: null, b: [true, [1.5]] }],
  exact: new ExactNumber("9007199254740993"),
};

it("is the beginning of what JSON would be, wherever it is cut", () => {
  const whole = writeJson(VALUE, 2);
  for (let limit = 1; limit < whole.length; limit += 1) {
    expect(beginningOf(VALUE, limit)).toEqual({ text: whole.slice(0, limit), whole: false });
  }
  expect(beginningOf(VALUE, whole.length)).toEqual({ text: whole, whole: true });
});

it("writes nothing of what comes after", () => {
  const trap = new Proxy({}, { ownKeys: () => expect.fail("it is looked into") });
  expect(beginningOf(["x".repeat(100), trap], 50).whole).toBe(false);
});

it("of a text is a text", () => {
  expect(beginningOf("abc", 2)).toEqual({ text: "ab", whole: false });
  expect(beginningOf("abc", 3)).toEqual({ text: "abc", whole: true });
});

it("blocks end where lines do, and are the text together", () => {
  expect(blocksOf("ab\ncd\nef", 4)).toEqual(["ab\n", "cd\n", "ef"]);
  expect(blocksOf("abcdefgh", 3)).toEqual(["abc", "def", "gh"]);
  expect(blocksOf("", 3)).toEqual([]);
});
