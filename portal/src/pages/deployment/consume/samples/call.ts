/** What a sample is made of, and how texts are written into code. */

import { writeJson } from "../../../../api/exactJson";
import type { Language } from "../../../../components/CodeEditor";
import type { FlowInput, Values } from "../../../../components/inputs/signature";
import { typeOf } from "../../../../components/inputs/types";

export type Call = {
  url: string;
  deployment: string;
  /** The request's body. */
  inputs: Values;
  /** What opens the endpoint, in words, as in "the primary or secondary key". */
  opener: string;
  /** It itself, or what stands for it. */
  apiKey: string;
};

export type Sample = {
  id: string;
  label: string;
  language: Language;
  /** The whole program. */
  code: (call: Call) => string;
  /** Commands of a shell after which the program trusts what `ca.pem` signs, in the folder of both. */
  trust: string;
};

export const PLACEHOLDER = "<api_key>";

/** A body to begin with: the flow's own sample and defaults, else what says of which type the value has to be. */
export function exampleInputs(inputs: readonly FlowInput[], sample: Values): Values {
  return Object.fromEntries(
    inputs.map((input) => [input.name, sample[input.name] ?? input.default ?? typeOf(input).example(input.name)]),
  );
}

/** JSON over several lines. */
export function jsonOf(value: unknown): string {
  return writeJson(value, 2);
}

/** JSON of nothing but ASCII, for languages that read their sources in whichever encoding the machine has. */
export function asciiJsonOf(value: unknown): string {
  return jsonOf(value).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A text in double quotes, as JSON, Python, JavaScript, Java, Go, R and C# all read it. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** The text, each line after the first further in. */
export function indented(text: string, by: string): string {
  return text.replace(/\n/g, `\n${by}`);
}

/** What the samples say of the deployment's header. comment: what begins a comment. */
export function aboutPin(comment: string, by = ""): string {
  return [
    `${by}${comment} This header sends the request to one deployment.`,
    `${by}${comment} Leave it out to follow the endpoint's traffic rules.`,
  ].join("\n");
}
