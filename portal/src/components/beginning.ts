/** The beginning of a value that may be too large to be shown whole. */

import { ExactNumber, writeJson } from "../api/exactJson";

export type Beginning = { text: string; whole: boolean };

/** Of so many characters: a text as it is, anything else as JSON over several lines, as `writeJson` writes it. What comes
 * after is not even written. */
export function beginningOf(value: unknown, limit: number): Beginning {
  if (typeof value === "string") return { text: value.slice(0, limit), whole: value.length <= limit };
  const text = new Writer(limit).write(value);
  return { text: text.slice(0, limit), whole: text.length <= limit };
}

/** All of it. */
export function wholeOf(value: unknown): string {
  return typeof value === "string" ? value : writeJson(value, 2);
}

/** The text in pieces of about that size, cut where lines end as far as there are any. */
export function blocksOf(text: string, size: number): string[] {
  const blocks: string[] = [];
  for (let from = 0; from < text.length; ) {
    let to = from + size;
    if (to < text.length) {
      const line = text.lastIndexOf("\n", to) + 1;
      if (line > from) to = line;
    }
    blocks.push(text.slice(from, to));
    from = to;
  }
  return blocks;
}

class Writer {
  private readonly pieces: string[] = [];
  private left: number;

  constructor(limit: number) {
    this.left = limit;
  }

  write(value: unknown): string {
    this.value(value, "");
    return this.pieces.join("");
  }

  private value(value: unknown, indent: string): void {
    if (this.left < 0) return;
    if (typeof value === "string")
      this.put(JSON.stringify(value.slice(0, this.left + 1)).slice(0, textEnd(value, this.left)));
    else if (Array.isArray(value)) this.list(value, indent);
    else if (typeof value === "object" && value !== null && !(value instanceof ExactNumber)) {
      this.fields(value as Record<string, unknown>, indent);
    } else this.put(writeJson(value));
  }

  private list(items: readonly unknown[], indent: string): void {
    this.put("[");
    for (const [index, item] of items.entries()) {
      if (this.left < 0) return;
      this.put(`${index ? "," : ""}\n${indent}  `);
      this.value(item, `${indent}  `);
    }
    this.put(items.length > 0 ? `\n${indent}]` : "]");
  }

  private fields(fields: Readonly<Record<string, unknown>>, indent: string): void {
    const names = Object.keys(fields);
    this.put("{");
    for (const [index, name] of names.entries()) {
      if (this.left < 0) return;
      this.put(`${index ? "," : ""}\n${indent}  ${JSON.stringify(name)}: `);
      this.value(fields[name], `${indent}  `);
    }
    this.put(names.length > 0 ? `\n${indent}}` : "}");
  }

  private put(piece: string): void {
    this.pieces.push(piece);
    this.left -= piece.length;
  }
}

/** A text that is cut has no end in quotes. */
function textEnd(text: string, left: number): number | undefined {
  return text.length > left + 1 ? -1 : undefined;
}
