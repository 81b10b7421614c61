/** What would change in what is there, in the words of the wizard's fields. Pure. */

import type { Change } from "../../api/endpoints";
import { nameOf, saidOfNone } from "../../api/fieldNames";

/** How the server shows a secret. */
const MASK = "********";
const LONGEST = 200;
const RATE = "requestsPerSecond";

/** `Instance count: 2 → 1`; of traffic, `blue: 0 % → 100 %`; of a secret, that it is another one. field: as in the
 * resource's body, or below its properties. */
export function wordsOf({ field, before, after }: Change): string {
  const deployment = /^properties\.traffic\.(.+)$/.exec(field)?.[1];
  if (deployment) return `${deployment}: ${before ?? 0} % → ${after ?? 0} %`;
  if (field === "runtime") return "The same settings, on another version of Flowstead or of packages";
  if (field.endsWith(RATE)) return `${nameOf(field)}: ${saidRate(before)} → ${saidRate(after)}`;
  if (before === MASK && after === MASK) return `${nameOf(field)}: another secret`;
  const none = saidOfNone(field) || "nothing";
  return `${nameOf(field)}: ${before === null ? none : said(before)} → ${after === null ? none : said(after)}`;
}

function saidRate(value: unknown): string {
  return value === 0 ? "any number" : said(value);
}

function said(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return value.map(oneOf).join(", ") || "nothing";
  if (typeof value !== "string") return shortened(typeof value === "object" ? JSON.stringify(value) : String(value));
  const [, name, version] = /\/(?:models|environments)\/([^/]+)\/versions\/([^/]+)$/i.exec(value) ?? [];
  return name ? `${name}:${version}` : shortened(timeOf(value) ?? value);
}

/** Of a list: a connection by its name. */
function oneOf(each: unknown): string {
  const { connection } = (each ?? {}) as { connection?: unknown };
  return typeof connection === "string" ? connection : said(each);
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** `PT1M30S` as `90 s`, `PT0.5S` as `500 ms`; null for what is no such time. */
function timeOf(text: string): string | null {
  const found = /^PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$/.exec(text);
  if (!found) return null;
  const [hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((each) => Number(each ?? 0));
  const ms = Math.round((hours * 3600 + minutes * 60 + seconds) * 1000);
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}
