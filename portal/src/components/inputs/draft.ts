/** What a person is entering: one set of values, which the form and the JSON editor both show and change. */

import { parseJson, writeJson } from "../../api/exactJson";
import type { FlowInput, Values } from "./signature";
import { faultOf, isObject, textOf, typeOf } from "./types";

/** texts: of boxes as they were typed, where they say more than the value, as `1.` on the way to `1.5`.
 * json: the JSON editor's text; jsonFault: why the values are not those of that text. */
export type Draft = {
  values: Values;
  texts: Readonly<Record<string, string>>;
  json: string;
  jsonFault: { line: number; message: string } | null;
};

/** Begins with the flow's sample, and with its defaults. */
export function beginDraft(inputs: readonly FlowInput[], sample: Values = {}): Draft {
  const values: Values = {};
  for (const input of inputs) {
    const value = sample[input.name] ?? input.default;
    if (value !== undefined && value !== null) values[input.name] = value;
    else if (input.type === "string" && input.required) values[input.name] = "";
  }
  return withValues(values);
}

/** The values put in from outside, all at once. */
export function withValues(values: Values): Draft {
  return { values, texts: {}, json: writeJson(values, 2), jsonFault: null };
}

/** A box was typed into. */
export function typeText(draft: Draft, input: FlowInput, text: string): Draft {
  return set(draft, input, typeOf(input).read(text), text);
}

/** A value was chosen; undefined takes it out. */
export function choose(draft: Draft, input: FlowInput, value: unknown): Draft {
  return set(draft, input, value);
}

function set(draft: Draft, input: FlowInput, value: unknown, text?: string): Draft {
  const values = { ...draft.values };
  if (value === undefined) delete values[input.name];
  else values[input.name] = value;
  const { [input.name]: _, ...others } = draft.texts;
  return { ...withValues(values), texts: text === undefined ? others : { ...others, [input.name]: text } };
}

/** The JSON editor was typed into. Text that is no object of inputs leaves the values as they were. */
export function typeJson(draft: Draft, json: string): Draft {
  let parsed: unknown;
  try {
    parsed = json.trim() ? parseJson(json) : {};
  } catch (problem) {
    return {
      ...draft,
      json,
      jsonFault: { line: lineOf(String(problem), json), message: `Not JSON: ${said(problem)}` },
    };
  }
  if (!isObject(parsed)) {
    return { ...draft, json, jsonFault: { line: 1, message: "An object with the flow's inputs is expected." } };
  }
  return { values: parsed, texts: {}, json, jsonFault: null };
}

/** What the box of an input shows. */
export function boxText(draft: Draft, input: FlowInput): string {
  return draft.texts[input.name] ?? textOf(draft.values[input.name]);
}

export type Fault = { name: string; message: string };

/** What keeps the values from being sent. */
export function faults(draft: Draft, inputs: readonly FlowInput[]): Fault[] {
  if (draft.jsonFault) return [{ name: "", message: draft.jsonFault.message }];
  return inputs
    .map((input) => ({ name: input.name, message: faultOf(input, draft.values[input.name]) }))
    .filter(({ message }) => message);
}

/** The first thing that keeps the values from being sent, with its place; "" when nothing does. */
export function firstFault(draft: Draft, inputs: readonly FlowInput[]): string {
  const [first] = faults(draft, inputs);
  if (!first) return "";
  return first.name ? `${first.name}: ${first.message}` : first.message;
}

/** Names in the JSON that the flow does not have, which it ignores. */
export function unknownNames(draft: Draft, inputs: readonly FlowInput[]): string[] {
  const known = new Set(inputs.map(({ name }) => name));
  return Object.keys(draft.values).filter((name) => !known.has(name));
}

/** The line on which the text names a field; 1 when it does not. */
export function lineOfField(json: string, name: string): number {
  const at = json.search(new RegExp(`${JSON.stringify(name).replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\s*:`));
  return at < 0 ? 1 : lineAt(json, at);
}

/** Browsers tell the place of a mistake in words of their own. */
function lineOf(problem: string, json: string): number {
  const line = /line (\d+)/.exec(problem)?.[1];
  if (line) return Number(line);
  const position = /position (\d+)/.exec(problem)?.[1];
  return lineAt(json, position === undefined ? json.length : Number(position));
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split("\n").length;
}

function said(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}
