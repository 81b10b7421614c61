/** A collected record: what its line says, and what of it is shown. */

import { parseJson, writeJson } from "../../api/exactJson";
import { isObject } from "../inputs/types";

export const COLLECTED = "modelDataCollector/";
const LONGEST_SHOWN = 400;
const LARGEST_PICTURE = 200_000;
const PICTURE_KEY = /^data:image\/(png|jpe?g|gif|webp);base64$/;
const PICTURE = /^data:image\/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]+$/;

/** text: cut when it is long. picture: a data URL. whole: nothing was cut. */
export type Cell = { text: string; picture?: string; whole: boolean };

/** Where a line lies, to be read again when all of it is asked for. */
export type Place = { path: string; from: number; length: number };

export type CollectedRecord = {
  time: number;
  correlationId: string;
  /** Of its first row, by name. */
  cells: Record<string, Cell>;
  /** How many rows it has. */
  rows: number;
  place: Place;
};

type Said = { time?: string; correlationid?: string; id?: string; data?: unknown; datainblob?: unknown };

/** null for a line that is no record. */
export function recordOf(line: string, place: Place): CollectedRecord | null {
  let read: unknown;
  try {
    read = parseJson(line);
  } catch {
    return null;
  }
  if (!isObject(read)) return null;
  const said: Said = read;
  const [first, rows] = firstRow(said.data);
  const cells = said.datainblob
    ? { data: { text: "In a file of its own", whole: false } }
    : Object.fromEntries(Object.entries(first).map(([name, value]) => [name, cellOf(value)]));
  const time = Date.parse(said.time ?? "");
  return {
    time: Number.isNaN(time) ? 0 : time,
    correlationId: String(said.correlationid || said.id || `${place.path}:${place.from}`),
    cells,
    rows,
    place,
  };
}

function firstRow(data: unknown): [Record<string, unknown>, number] {
  const [row, count] = Array.isArray(data) ? [data[0], data.length] : [data, 1];
  if (isObject(row)) return [row, count];
  return [{ data: row }, count];
}

export function cellOf(value: unknown): Cell {
  const picture = pictureIn(value);
  if (picture) {
    const whole = picture.length <= LARGEST_PICTURE;
    return { text: "Picture", whole, ...(whole && { picture }) };
  }
  const text = typeof value === "string" ? value : writeJson(value);
  if (text.length <= LONGEST_SHOWN) return { text, whole: true };
  return { text: `${text.slice(0, LONGEST_SHOWN)}…`, whole: false };
}

/** Of `{"data:image/png;base64": "…"}`, as prompt flow writes pictures, or of a data URL. */
export function pictureIn(value: unknown): string | null {
  if (typeof value === "string") return PICTURE.test(value) ? value : null;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const [only, ...more] = Object.entries(value);
  if (!only || more.length > 0 || !PICTURE_KEY.test(only[0]) || typeof only[1] !== "string") return null;
  const address = `${only[0]},${only[1]}`;
  return PICTURE.test(address) ? address : null;
}

/** A file of a collection lies in the folder of its hour, or of what else it rolls by: [from, to) in ms. */
export function spanOf(path: string): [number, number] {
  const found = /\/(\d{4})(?:\/(\d{2}))?(?:\/(\d{2}))?(?:\/(\d{2}))?(?:\/(\d{2}))?\/[^/]+$/.exec(path);
  if (!found) return [0, Number.POSITIVE_INFINITY];
  const [year = 0, month, day, hour, minute] = found
    .slice(1)
    .map((part) => (part === undefined ? undefined : Number(part)));
  const from = Date.UTC(year, (month ?? 1) - 1, day ?? 1, hour ?? 0, minute ?? 0);
  if (minute !== undefined) return [from, from + 60_000];
  if (hour !== undefined) return [from, from + 3_600_000];
  if (day !== undefined) return [from, from + 86_400_000];
  return [from, month !== undefined ? Date.UTC(year, month, 1) : Date.UTC(year + 1, 0, 1)];
}
