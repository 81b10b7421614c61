import { expect, test } from "vitest";
import { ExactNumber, numberOf, parseJson, writeJson } from "./exactJson";

test.each([
  "9007199254740993",
  "-12345678901234567890",
  "0.0",
  "-0",
  "1e3",
  "1E+400",
  "0.1000",
  "0.12345678901234567890123",
  '[1.0,{"a":[2.50,3]},"4.0"]',
  '{"9007199254740993":"9007199254740993","\\"1.0":"\\\\","b\\\\":1.0,"__proto__":1.0}',
  '"1.0"',
])("comes back as it was: %s", (text) => {
  expect(writeJson(parseJson(text))).toBe(text);
});

test("what JavaScript holds as it is written is a number as ever", () => {
  expect(parseJson('[0, -1.5, 9007199254740991, 1e+21, "1.0", true, null, {}]')).toEqual(
    JSON.parse('[0, -1.5, 9007199254740991, 1e+21, "1.0", true, null, {}]'),
  );
  expect(parseJson(' {"a": 1.0} ')).toEqual({ a: new ExactNumber("1.0") });
});

test("what is no JSON is refused where JSON refuses it", () => {
  const text = '{"a": 9007199254740993,\n oops}';
  const said = (read: (text: string) => unknown) => {
    try {
      return read(text);
    } catch (problem) {
      return String(problem);
    }
  };
  expect(said(parseJson)).toBe(said(JSON.parse));
  expect(() => parseJson("[NaN]")).toThrow();
  expect(() => parseJson("[01]")).toThrow();
});

test("writing is JSON's own otherwise", () => {
  const value = { a: [1, "x", null, undefined], b: undefined, c: { d: "é\n" }, e: [], f: {} };
  expect(writeJson(value, 2)).toBe(JSON.stringify(value, null, 2));
  expect(writeJson({ a: new ExactNumber("0.0") }, 2)).toBe('{\n  "a": 0.0\n}');
  expect(writeJson(undefined)).toBe("null");
});

test("a text as long as a picture is read", () => {
  const picture = "1.0+/9".repeat(2_000_000);
  expect(parseJson(`{"a": 1.0, "b": "${picture}"}`)).toEqual({ a: new ExactNumber("1.0"), b: picture });
  const lines = "a\n".repeat(1_000_000);
  expect(parseJson(`[1.0, ${JSON.stringify(lines)}]`)).toEqual([new ExactNumber("1.0"), lines]);
});

test("the number of a text", () => {
  expect(numberOf("12")).toBe(12);
  expect(numberOf("12.0")).toEqual(new ExactNumber("12.0"));
  for (const text of ["", "x", "012", "+1", "1.", ".5", " 1", "NaN", "Infinity", "0x1"]) {
    expect(numberOf(text)).toBeUndefined();
  }
});

test("reads megabytes without stopping the page for long", () => {
  const items = Array.from({ length: 40_000 }, (_, id) => ({
    id,
    name: `item "${id}"`,
    score: id / 7,
    tags: ["a", "b"],
  }));
  const text = `{"items": ${JSON.stringify(items)}, "exact": 9007199254740993}`;
  const read = parseJson(text) as { items: unknown[]; exact: ExactNumber };
  expect(read.items).toEqual(items);
  expect(read.exact).toEqual(new ExactNumber("9007199254740993"));
});
