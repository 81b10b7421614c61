/** Lines of logs, as they are kept and shown. Pure. */

import { plural } from "../../deploy/quota";

/** log: the instance, or storage-initializer. */
export type LogLine = { id: number; log: string; text: string };

/** How many lines are kept; the oldest go first. */
export const MOST_KEPT = 50_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be removed
const ESCAPES = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be removed
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g;

/** Without what orders a terminal about, such as colours, and without what turns the reading order around. */
export function plain(text: string): string {
  return text.replace(ESCAPES, "").replace(CONTROLS, "");
}

/** The lines with more at their end. */
export function appended(kept: readonly LogLine[], log: string, texts: readonly string[]): LogLine[] {
  const first = (kept.at(-1)?.id ?? 0) + 1;
  const all = [...kept, ...texts.map((text, index) => ({ id: first + index, log, text: plain(text) }))];
  return all.length > MOST_KEPT ? all.slice(-MOST_KEPT) : all;
}

export function filtered(lines: readonly LogLine[], sought: string): readonly LogLine[] {
  const wanted = sought.trim().toLowerCase();
  if (!wanted) return lines;
  return lines.filter(({ log, text }) => text.toLowerCase().includes(wanted) || log.toLowerCase().includes(wanted));
}

/** Of one log, "" for all. */
export function linesOf(lines: readonly LogLine[], log: string): readonly LogLine[] {
  return log === "" ? lines : lines.filter((line) => line.log === log);
}

/** The names of the logs that the lines are of. */
export function logsOf(lines: readonly LogLine[]): ReadonlySet<string> {
  return new Set(lines.map((line) => line.log));
}

/** As a file: the name of each line's log before it when there are several. */
export function textOf(lines: readonly LogLine[]): string {
  const named = logsOf(lines).size > 1;
  return lines.map(({ log, text }) => `${named ? `${log} ` : ""}${text}\n`).join("");
}

/** shown: of those that are there. waiting: how many have come since it was paused, null while it is not. gone: the
 * instance whose log it is. */
export type Reading = { shown: number; there: number; connected: boolean; waiting: number | null; gone: boolean };

/** `5 of 100 lines. Paused, 3 more have come.` */
export function spoken({ shown, there, connected, waiting, gone }: Reading): string {
  const count = shown === there ? plural(shown, "line") : `${shown} of ${plural(there, "line")}`;
  if (!connected) return `${count}. Connecting to the log…`;
  if (waiting !== null) return waiting > 0 ? `${count}. Paused, ${waiting} more have come.` : `${count}. Paused.`;
  return gone ? `${count}. The instance is gone: no more will come.` : `${count}. Live.`;
}
