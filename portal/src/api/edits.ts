/** Changing what others may change meanwhile: what they touched elsewhere stays theirs, and what both touched is asked. */

import { ApiError } from "./client";
import { change, type Read, read } from "./endpoints";
import { nameOf, saidOfNone } from "./fieldNames";

export type Patch = { [field: string]: unknown };

export type Edit = {
  path: string;
  /** What is changed of it, as a merge patch (RFC 7396). */
  patch: Patch;
  /** Sends it; by PATCH, unless told. fresh: the resource as it is now. */
  write?: (fresh: Read<Patch>) => Promise<unknown>;
};

/** seen: what the person made the change in sight of. Answers null when it is saved; else what the resource has become,
 * where another has changed what this changes, and words on that. Throws ApiError. */
export async function saveEdit(
  edit: Edit,
  seen: Patch,
  server = { read: read<Patch>, change: change<unknown> },
): Promise<{ now: Patch; refusal: ApiError } | null> {
  const write = edit.write ?? (({ etag }) => server.change("PATCH", edit.path, edit.patch, etag));
  for (;;) {
    const fresh = await server.read(edit.path);
    const both = touchedByBoth(edit.patch, patchBetween(seen, fresh.resource));
    if (both.length > 0) return { now: fresh.resource, refusal: refusalOf(both) };
    try {
      await write(fresh);
      return null;
    } catch (thrown) {
      if (!(thrown instanceof ApiError && thrown.status === 412)) throw thrown;
    }
  }
}

/** What makes `before` into `after`; {} for nothing. */
export function patchBetween(before: Patch, after: Patch): Patch {
  const patch: Patch = {};
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[field] ?? null, after[field] ?? null];
    if (isPatch(was) && isPatch(is)) {
      const inner = patchBetween(was, is);
      if (Object.keys(inner).length > 0) patch[field] = inner;
    } else if (JSON.stringify(was) !== JSON.stringify(is)) patch[field] = is;
  }
  return patch;
}

/** `before` with the patch applied. */
export function patched(before: Patch, patch: Patch): Patch {
  const after = { ...before };
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete after[field];
    else if (isPatch(value)) after[field] = patched(isPatch(after[field]) ? after[field] : {}, value);
    else after[field] = value;
  }
  return after;
}

type Touched = { field: string; theirs: unknown };

/** Where the patches make different things of one field. */
export function touchedByBoth(mine: Patch, theirs: Patch, above = ""): Touched[] {
  return Object.keys(mine).flatMap((name) => {
    if (!(name in theirs)) return [];
    const [own, other] = [mine[name], theirs[name]];
    const field = above && above !== "properties" ? `${above}.${name}` : name;
    if (isPatch(own) && isPatch(other)) return touchedByBoth(own, other, field);
    return JSON.stringify(own) === JSON.stringify(other) ? [] : [{ field, theirs: other }];
  });
}

function refusalOf(both: readonly Touched[]): ApiError {
  const now = both.map(({ field, theirs }) => {
    const name = nameOf(field);
    const value = theirs === null ? saidOfNone(field) || "gone" : JSON.stringify(theirs);
    return `${name.charAt(0).toLowerCase()}${name.slice(1)} is ${value}`;
  });
  return new ApiError(
    412,
    "ChangedMeanwhile",
    `Somebody else has changed it meanwhile: ${now.join(", ")} now.`,
    "Save again to put yours in its place, or cancel to leave it.",
  );
}

function isPatch(value: unknown): value is Patch {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
