/** What was written in the editor and is not saved, by file. Nothing here is lost but by whoever wrote it. */

import type { FlowFile } from "../api";

/** base: the text it was made from, whose ETag is etag. */
export type Draft = { text: string; base: string; etag: string };
export type Drafts = Readonly<Record<string, Draft>>;

/** Somebody writes. shown: what the file holds on the server, for a first change. Back to the base is no draft. */
export function written(drafts: Drafts, path: string, text: string, shown: { text: string; etag: string }): Drafts {
  const before = drafts[path];
  const draft = { text, base: before?.base ?? shown.text, etag: before?.etag ?? shown.etag };
  return text === draft.base ? without(drafts, path) : { ...drafts, [path]: draft };
}

/** It was saved, as etag. What was written meanwhile is a draft on top of it. */
export function saved(drafts: Drafts, path: string, text: string, etag: string): Drafts {
  const now = drafts[path];
  if (!now || now.text === text) return without(drafts, path);
  return { ...drafts, [path]: { text: now.text, base: text, etag } };
}

export function without(drafts: Drafts, path: string): Drafts {
  const { [path]: _, ...rest } = drafts;
  return rest;
}

/** Files with a draft that somebody else has changed or deleted since. */
export function overtaken(drafts: Drafts, files: readonly FlowFile[]): string[] {
  const etags = new Map(files.map((file) => [file.path, file.etag]));
  return Object.keys(drafts).filter((path) => etags.get(path) !== drafts[path]?.etag);
}
