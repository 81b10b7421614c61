import { describe, expect, test } from "vitest";
import { ExactNumber, writeJson } from "../../api/exactJson";
import {
  beginDraft,
  boxText,
  choose,
  type Draft,
  faults,
  firstFault,
  lineOfField,
  typeJson,
  typeText,
  unknownNames,
} from "./draft";
import { drawable, imageFrom, pictureOf } from "./images";
import type { FlowInput } from "./signature";

const INPUTS = ["string", "int", "double", "bool", "list", "object", "image"].map((type) => input(type, type));
const [TEXT, INT, DOUBLE, BOOL, LIST, OBJECT] = INPUTS as [
  FlowInput,
  FlowInput,
  FlowInput,
  FlowInput,
  FlowInput,
  FlowInput,
];

function input(name: string, type: string, more: Partial<FlowInput> = {}): FlowInput {
  return { name, type, required: false, default: null, ...more };
}

function typed(one: FlowInput, text: string): unknown {
  return typeText(beginDraft([one]), one, text).values[one.name];
}

function said(draft: Draft, inputs: FlowInput[] = INPUTS): string {
  return faults(draft, inputs)
    .map(({ message }) => message)
    .join();
}

describe("a box", () => {
  test.each([
    [TEXT, "5", "5"],
    [TEXT, "", ""],
    [INT, " 42 ", 42],
    [INT, "-3", -3],
    [INT, "", undefined],
    [INT, "+007", 7],
    [INT, "12345678901234567890", new ExactNumber("12345678901234567890")],
    [DOUBLE, "1e3", new ExactNumber("1e3")],
    [DOUBLE, "0.0", new ExactNumber("0.0")],
    [DOUBLE, ".5", 0.5],
    [OBJECT, '{"k": 9007199254740993}', { k: new ExactNumber("9007199254740993") }],
    [DOUBLE, "2", 2],
    [BOOL, "True", true],
    [BOOL, "false", false],
    [LIST, '["a", 1]', ["a", 1]],
    [OBJECT, '{"a": {"b": null}}', { a: { b: null } }],
  ])("gives the value of its type: $type %s", (one, text, value) => {
    expect(typed(one as FlowInput, text as string)).toEqual(value);
    expect(said(typeText(beginDraft(INPUTS), one as FlowInput, text as string))).toBe("");
  });

  test.each([
    [INT, "4.5", "A whole number is expected, not “4.5”."],
    [INT, "four", "A whole number is expected, not “four”."],
    [DOUBLE, "Infinity", "A number is expected"],
    [BOOL, "perhaps", "true or false"],
    [LIST, "[1,", "A list as JSON"],
    [LIST, '{"a": 1}', "A list as JSON is expected"],
    [OBJECT, "[]", "An object as JSON"],
  ])("says what is wrong: $type %s", (one, text, message) => {
    expect(said(typeText(beginDraft(INPUTS), one as FlowInput, text as string))).toContain(message);
  });

  test("shows what was typed, not what it means", () => {
    const draft = typeText(beginDraft(INPUTS), DOUBLE, "1.");
    expect(draft.values.double).toBe(1);
    expect(boxText(draft, DOUBLE)).toBe("1.");
  });
});

describe("form and JSON", () => {
  test("a value typed in the form is in the JSON", () => {
    expect(JSON.parse(typeText(beginDraft(INPUTS), INT, "7").json)).toEqual({ int: 7 });
  });

  test("a value typed in the JSON is in the form, with its type", () => {
    const draft = typeJson(beginDraft(INPUTS), '{"int": 7, "list": [1], "string": "a\\nb"}');
    expect(INPUTS.map((one) => boxText(draft, one))).toEqual(["a\nb", "7", "", "", "[\n  1\n]", "", ""]);
    expect(said(draft)).toBe("");
  });

  test("a number is the one that was typed, in either editor", () => {
    const json = '{"int": 9007199254740993, "double": 0.0, "object": {"k": -12345678901234567890}}';
    const draft = typeJson(beginDraft(INPUTS), json);
    expect(writeJson(draft.values)).toBe(json.replaceAll(" ", ""));
    expect(boxText(draft, INT)).toBe("9007199254740993");
    expect(boxText(draft, DOUBLE)).toBe("0.0");
    expect(said(draft)).toBe("");
    expect(typeText(draft, TEXT, "x").json).toContain('"k": -12345678901234567890');
    expect(said(typeJson(draft, '{"int": 1.50, "object": 1.0}'))).toBe(
      'A whole number is expected, not 1.50.,An object as JSON is expected, such as {"name": "value"}, not 1.0.',
    );
  });

  test("a value of the wrong type in the JSON is said at its field", () => {
    const draft = typeJson(beginDraft(INPUTS), '{"int": "7", "string": 5}');
    expect(faults(draft, INPUTS)).toEqual([
      { name: "string", message: "A text is expected, not 5." },
      { name: "int", message: "A whole number is expected, not “7”." },
    ]);
  });

  test("text that is no JSON keeps the values and says the line", () => {
    const before = typeText(beginDraft(INPUTS), INT, "7");
    const draft = typeJson(before, '{\n  "int": 8,\n  oops\n}');
    expect(draft.values).toEqual({ int: 7 });
    expect(draft.jsonFault).toMatchObject({ line: 3 });
    expect(said(draft)).toContain("Not JSON");
    expect(typeJson(draft, '{"int": 8}').values).toEqual({ int: 8 });
  });

  test("JSON that is no object is no set of inputs", () => {
    expect(said(typeJson(beginDraft(INPUTS), "[1]"))).toBe("An object with the flow's inputs is expected.");
  });

  test("names that the flow does not have are told", () => {
    expect(unknownNames(typeJson(beginDraft(INPUTS), '{"strng": "x", "int": 1}'), INPUTS)).toEqual(["strng"]);
  });
});

describe("a new draft", () => {
  test("has the sample, then the defaults; what is required and has neither is asked for", () => {
    const inputs = [
      input("a", "string", { default: "x" }),
      input("b", "int", { default: 0 }),
      input("c", "int", { required: true }),
      input("d", "string", { required: true }),
      input("e", "object"),
    ];
    const draft = beginDraft(inputs, { a: "y", other: 1 });
    expect(draft.values).toEqual({ a: "y", b: 0, d: "" });
    expect(firstFault(draft, inputs)).toBe("c: A value is required.");
    expect(faults(draft, inputs)).toEqual([{ name: "c", message: "A value is required." }]);
  });

  test("a value can be taken out again", () => {
    expect(choose(choose(beginDraft(INPUTS), BOOL, true), BOOL, undefined).values).toEqual({});
  });
});

test("the line of a field", () => {
  expect(lineOfField('{\n "a": 1,\n "b.*": 2\n}', "b.*")).toBe(3);
  expect(lineOfField("{}", "a")).toBe(1);
});

describe("an image", () => {
  const URL = "data:image/png;base64,iVBORw0KGgo=";

  test("is written as the flow's messages have it", () => {
    expect(imageFrom(URL, "basic")).toEqual({ "data:image/png;base64": "iVBORw0KGgo=" });
    expect(imageFrom("https://x.example/a.JPG?b", "basic")).toEqual({
      "data:image/jpeg;url": "https://x.example/a.JPG?b",
    });
    expect(imageFrom(URL, "openai-vision")).toEqual({ type: "image_url", image_url: { url: URL } });
  });

  test("is known in both formats, and drawn only when it came along", () => {
    for (const format of ["basic", "openai-vision"] as const) {
      expect(drawable(imageFrom(URL, format))).toBe(URL);
      expect(drawable(imageFrom("https://x.example/a.png", format))).toBe("");
    }
    expect(pictureOf({ a: 1 })).toBeNull();
    expect(drawable({ "data:image/svg+xml;base64": "PHN2Zz4=" })).toBe("");
    expect(drawable({ 'data:image/png" onerror="x;base64': "aa" })).toBe("");
  });
});
