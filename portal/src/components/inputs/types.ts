/** The types of a flow's inputs: from a box's text to a value and back, and what is wrong with a value. */

import { ExactNumber, numberOf, parseJson, writeJson } from "../../api/exactJson";
import { isImage } from "./images";
import type { FlowInput } from "./signature";

type InputType = {
  /** The value that a text means; undefined for none. A text that means no such value stays a text. */
  read: (text: string) => unknown;
  /** What is wrong with a value, as it is said beside its box; "" when it fits. */
  fault: (value: unknown) => string;
  /** What a sample shows when the flow has no default. */
  example: (name: string) => unknown;
};

const STRING: InputType = {
  read: (text) => text,
  fault: (value) => (typeof value === "string" ? "" : `A text is expected, not ${kindOf(value)}.`),
  example: (name) => `<${name}>`,
};

const TYPES: Record<string, InputType> = {
  string: STRING,
  int: {
    read: (text) => (/^\s*[+-]?\d+\s*$/.test(text) ? wholeOf(text.trim()) : textOrNone(text)),
    fault: (value) =>
      isNumber(value) && Number.isInteger(Number(value)) ? "" : `A whole number is expected, not ${kindOf(value)}.`,
    example: () => 0,
  },
  double: {
    read: (text) => (text.trim() && Number.isFinite(Number(text)) ? doubleOf(text.trim()) : textOrNone(text)),
    fault: (value) => (isNumber(value) ? "" : `A number is expected, not ${kindOf(value)}.`),
    example: () => 0.5,
  },
  bool: {
    read: (text) => ({ true: true, false: false })[text.trim().toLowerCase()] ?? textOrNone(text),
    fault: (value) => (typeof value === "boolean" ? "" : `true or false is expected, not ${kindOf(value)}.`),
    example: () => true,
  },
  list: {
    read: readJson,
    fault: (value) =>
      Array.isArray(value) ? "" : `A list as JSON is expected, such as ["one", "two"], not ${kindOf(value)}.`,
    example: () => [],
  },
  object: {
    read: readJson,
    fault: (value) =>
      isObject(value) ? "" : `An object as JSON is expected, such as {"name": "value"}, not ${kindOf(value)}.`,
    example: () => ({}),
  },
  image: {
    read: readJson,
    fault: (value) =>
      isImage(value) || (typeof value === "string" && value.trim())
        ? ""
        : "An image is expected: choose a file, or give an address.",
    example: () => "https://example.com/picture.png",
  },
};

/** A type that we do not know takes whatever JSON says, and text otherwise. */
const ANY: InputType = { read: readJson, fault: () => "", example: STRING.example };

export function typeOf(input: FlowInput): InputType {
  return TYPES[input.type] ?? ANY;
}

/** What is wrong with the value of an input; undefined is none. */
export function faultOf(input: FlowInput, value: unknown): string {
  if (value === undefined || value === null) return input.required ? "A value is required." : "";
  return typeOf(input).fault(value);
}

/** What a box shows of a value. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : writeJson(value, 2);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isNumber(value);
}

function isNumber(value: unknown): value is number | ExactNumber {
  return typeof value === "number" || value instanceof ExactNumber;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  if (typeof value === "string") return value.length > 40 ? "a text" : `“${value}”`;
  return String(value);
}

/** Signs and zeros that JSON does not take are left out. */
function wholeOf(text: string): number | ExactNumber | undefined {
  return numberOf(String(BigInt(text.replace("+", ""))));
}

/** As it was typed, where JSON writes a number so. */
function doubleOf(text: string): number | ExactNumber {
  return numberOf(text) ?? Number(text);
}

function textOrNone(text: string): string | undefined {
  return text.trim() ? text : undefined;
}

function readJson(text: string): unknown {
  if (!text.trim()) return undefined;
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
