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
  const marked = withMarks(text);
  return marked === text ? value : JSON.parse(marked, (_, each) => unmarked(each));
}

/** Every integer of so few digits is written by JavaScript as it was. */
const SAFE_DIGITS = 15;
const [QUOTE, BACKSLASH, MINUS, DIGITS, PAST_DIGITS] = [0x22, 0x5c, 0x2d, 0x30, 0x3a];

/** Valid JSON with texts in place of the numbers that would not stay. Character by character, since an answer of some
 * megabytes is not to stop the page. */
function withMarks(text: string): string {
  const pieces: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = afterText(text, at);
    else if (code !== MINUS && (code < DIGITS || code >= PAST_DIGITS)) at += 1;
    else {
      const begin = at;
      at = afterNumber(text, at);
      const number = text.slice(begin, at);
      if (!stays(number)) {
        pieces.push(text.slice(from, begin), `"${MARK}${number}"`);
        from = at;
      }
    }
  }
  return from === 0 ? text : pieces.join("") + text.slice(from);
}

function stays(number: string): boolean {
  if (number.length <= SAFE_DIGITS && /^[1-9]\d*$/.test(number)) return true;
  return String(Number(number)) === number;
}

function afterText(text: string, at: number): number {
  for (let next = at + 1; ; next += 1) {
    const code = text.charCodeAt(next);
    if (code === QUOTE) return next + 1;
    if (code === BACKSLASH) next += 1;
  }
}

function afterNumber(text: string, at: number): number {
  let next = at + 1;
  while (next < text.length && isOfNumber(text.charCodeAt(next))) next += 1;
  return next;
}

/** Digits, the point, signs, and the e of an exponent. */
function isOfNumber(code: number): boolean {
  return (
    (code >= DIGITS && code < PAST_DIGITS) ||
    code === 0x2e ||
    code === MINUS ||
    code === 0x2b ||
    code === 0x45 ||
    code === 0x65
  );
}

/** As `JSON.stringify`, with each number as it was written. */
export function writeJson(value: unknown, space?: number): string {
  const text = JSON.stringify(value, (_, each) => (each instanceof ExactNumber ? MARK + each.text : each), space);
  return (text ?? "null").replace(MARKED, "$1");
}

function unmarked(value: unknown): unknown {
  return typeof value === "string" && value.startsWith(MARK) ? new ExactNumber(value.slice(MARK.length)) : value;
}
