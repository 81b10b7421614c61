/** A conversation with a flow: what was said, what came back, what the next request carries. */

import { writeJson } from "../../api/exactJson";
import { drawable, imageFrom } from "../inputs/images";
import type { ChatParts, MessageFormat, Values } from "../inputs/signature";
import { isObject } from "../inputs/types";

/** What is known of one answer beside its outputs: the request's id, its trace. Given back with the feedback. */
export type About = Readonly<Record<string, string>>;

/** A part of an answer, as it comes. outputs: a text that comes again goes on where it was, anything else takes the
 * place of what was there. */
export type Piece = { outputs?: Values; about?: About };

/** Sends one request with all inputs; gives the answer piece by piece, and throws what went wrong. */
export type Send = (inputs: Values, signal: AbortSignal) => AsyncIterable<Piece>;

export type Verdict = "up" | "down";
export type Turn = {
  id: number;
  /** What the person wrote, and the pictures that came with it, as `data:` URLs. */
  text: string;
  pictures: readonly string[];
  /** As it was sent, without the history. */
  inputs: Values;
  outputs: Values;
  state: "answering" | "done" | "stopped" | "failed";
  failure?: unknown;
  about: About;
  tookMs: number;
  verdict?: Verdict;
  /** What became of the verdict. */
  told?: string;
};

export type Message = { text: string; pictures: readonly string[] };

/** Whether pictures can be sent with a text: a chat input of type list holds both. */
export function takesPictures(type: string): boolean {
  return type === "list";
}

/** The message as the chat input's value. */
export function contentOf({ text, pictures }: Message, type: string, format: MessageFormat): unknown {
  if (!takesPictures(type)) return text;
  const words = format === "openai-vision" ? { type: "text", text } : text;
  return [...(text ? [words] : []), ...pictures.map((url) => imageFrom(url, format))];
}

/** What was said so far in the shape that flows know: `[{inputs: {…}, outputs: {…}}]`. What failed was not said. */
export function historyOf(turns: readonly Turn[]): { inputs: Values; outputs: Values }[] {
  return turns
    .filter((turn) => turn.state === "done" || (turn.state === "stopped" && Object.keys(turn.outputs).length > 0))
    .map(({ inputs, outputs }) => ({ inputs, outputs }));
}

/** The whole request of a turn. before: the turns before it. */
export function requestOf(turn: Turn, before: readonly Turn[], chat: ChatParts): Values {
  return chat.history ? { ...turn.inputs, [chat.history]: historyOf(before) } : turn.inputs;
}

/** An answer with another piece of it. */
export function withPiece<T extends { outputs: Values; about: About }>(answer: T, piece: Piece): T {
  const outputs = { ...answer.outputs };
  for (const [name, value] of Object.entries(piece.outputs ?? {})) {
    const before = outputs[name];
    outputs[name] = typeof value === "string" && typeof before === "string" ? before + value : value;
  }
  return { ...answer, outputs, about: { ...answer.about, ...piece.about } };
}

/** A piece of an answer to show. */
export type Shown =
  | { kind: "text"; text: string }
  | { kind: "picture"; url: string }
  | { kind: "data"; value: unknown };

/** The chat's output as it is shown: text, pictures, or data as JSON. Without a named output, the only one. */
export function answerOf(outputs: Values, output: string | null): Shown[] {
  const names = Object.keys(outputs);
  const name = output && output in outputs ? output : names.length === 1 ? names[0] : undefined;
  if (name === undefined) return names.length > 0 ? [data(outputs)] : [];
  const value = outputs[name];
  return Array.isArray(value) && value.some(isShowable) ? value.map(shown) : [shown(value)];
}

/** What the flow answered beside the chat's output. */
export function restOf(outputs: Values, output: string | null): Values {
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => output && output in outputs && name !== output));
}

/** The answer as text, for copying. */
export function textOf(outputs: Values, output: string | null): string {
  return answerOf(outputs, output)
    .flatMap((each) => (each.kind === "picture" ? [] : [each.kind === "text" ? each.text : writeJson(each.value, 2)]))
    .join("\n\n");
}

function isShowable(value: unknown): boolean {
  return typeof value === "string" || drawable(value) !== "" || wordsOf(value) !== null;
}

function shown(value: unknown): Shown {
  if (typeof value === "string") return { kind: "text", text: value };
  const url = drawable(value);
  if (url) return { kind: "picture", url };
  const words = wordsOf(value);
  return words === null ? data(value) : { kind: "text", text: words };
}

/** Of a text part of a message in the `openai-vision` format. */
function wordsOf(value: unknown): string | null {
  return isObject(value) && value.type === "text" && typeof value.text === "string" ? value.text : null;
}

function data(value: unknown): Shown {
  return { kind: "data", value };
}
