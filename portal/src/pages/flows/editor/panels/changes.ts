/** What one state of a flow's files has that another had not. */

import type { FlowFile } from "../../api";

export type Change = { path: string; kind: "added" | "changed" | "deleted" };

export function changesBetween(before: readonly FlowFile[], after: readonly FlowFile[]): Change[] {
  const was = new Map(before.map((file) => [file.path, file.etag]));
  const is = new Map(after.map((file) => [file.path, file.etag]));
  const changes: Change[] = [];
  for (const path of [...new Set([...was.keys(), ...is.keys()])].sort()) {
    if (!was.has(path)) changes.push({ path, kind: "added" });
    else if (!is.has(path)) changes.push({ path, kind: "deleted" });
    else if (was.get(path) !== is.get(path)) changes.push({ path, kind: "changed" });
  }
  return changes;
}

/** sign: " " for what both have. */
export type Line = { sign: " " | "+" | "-"; text: string };

/** Beyond so many pairs of lines, all of the one is shown as gone and all of the other as new. */
const MOST_PAIRS = 4_000_000;

/** The lines of both texts in order, by their longest common part. */
export function linesBetween(before: string, after: string): Line[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA--;
    endB--;
  }
  const line = (sign: Line["sign"]) => (text: string) => ({ sign, text });
  return [
    ...a.slice(0, start).map(line(" ")),
    ...middle(a.slice(start, endA), b.slice(start, endB)),
    ...a.slice(endA).map(line(" ")),
  ];
}

function middle(a: readonly string[], b: readonly string[]): Line[] {
  const whole = (): Line[] => [
    ...a.map((text): Line => ({ sign: "-", text })),
    ...b.map((text): Line => ({ sign: "+", text })),
  ];
  if (a.length === 0 || b.length === 0 || a.length * b.length > MOST_PAIRS) return whole();
  // common[i * width + j]: how many lines the rests from i and j have in common.
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: " ", text: a[i++] ?? "" });
      j++;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: "-", text: a[i++] ?? "" });
    } else {
      lines.push({ sign: "+", text: b[j++] ?? "" });
    }
  }
  return lines;
}

/** Of the lines those that are new or gone, and a few around them; null stands for a gap. */
export function around(lines: readonly Line[], near = 3): (Line | null)[] {
  const kept = new Set<number>();
  lines.forEach(({ sign }, index) => {
    if (sign === " ") return;
    for (let each = index - near; each <= index + near; each++) kept.add(each);
  });
  const shown: (Line | null)[] = [];
  lines.forEach((line, index) => {
    if (kept.has(index)) shown.push(line);
    else if (shown.length === 0 || shown.at(-1) !== null) shown.push(null);
  });
  return shown;
}
