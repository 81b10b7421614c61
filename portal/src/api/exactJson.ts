/** JSON whose numbers stay as they were written. JavaScript's own would round the ids of 64 bits that are common in
 * flows, and take the point from `1.0`, which Python tells from `1`. */

/** A number that JavaScript would write otherwise than it was written. */
export class ExactNumber {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** In valid JSON. A text is one piece, so that no digits within it are taken for a number. */
const TEXT_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs;
/** Begins the texts that stand for numbers on their way. Random, so that no text of a person or a flow begins so. */
const MARK = `number-${crypto.getRandomValues(new Uint32Array(4)).join("-")}:`;
const MARKED = new RegExp(`"${MARK}([^"]*)"`, "g");

/** The number that the text is in JSON: a number where JavaScript writes the same text, else an ExactNumber; undefined
 * for what is none. */
export function numberOf(text: string): number | ExactNumber | undefined {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return String(value) === text ? value : new ExactNumber(text);
}

/** As `JSON.parse`, which throws for what is no JSON; numbers as `numberOf` gives them. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const marked = text.replace(TEXT_OR_NUMBER, (piece) =>
    numberOf(piece) instanceof ExactNumber ? `"${MARK}${piece}"` : piece,
  );
  return marked === text ? value : JSON.parse(marked, (_, each) => unmarked(each));
}

/** As `JSON.stringify`, with each number as it was written. */
export function writeJson(value: unknown, space?: number): string {
  const text = JSON.stringify(value, (_, each) => (each instanceof ExactNumber ? MARK + each.text : each), space);
  return (text ?? "null").replace(MARKED, "$1");
}

function unmarked(value: unknown): unknown {
  return typeof value === "string" && value.startsWith(MARK) ? new ExactNumber(value.slice(MARK.length)) : value;
}
