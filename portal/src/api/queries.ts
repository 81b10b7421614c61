/** What pages show of the server, kept fresh by its events. A query's key begins with the path of what it shows. */

import { QueryClient } from "@tanstack/react-query";
import { AwayError, WORKSPACE_ID } from "./client";

const LONGEST_PAUSE_MS = 5000;
const GATHER_MS = 200;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // Who is away comes back; who refuses goes on refusing.
      retry: (_count, failure) => failure instanceof AwayError,
      retryDelay: (count) => Math.min(250 * 2 ** count, LONGEST_PAUSE_MS),
      staleTime: 30_000,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

/** Of an id or a path: below the workspace, in lower case, as keys and events are compared. */
export function placeOf(path: string): string {
  const lower = path.toLowerCase();
  const site = WORKSPACE_ID.toLowerCase();
  return lower.startsWith(site) ? lower.slice(site.length) : lower;
}

/** The key of a query on the path below the workspace, or on a whole id. */
export function keyOf(path: string, ...more: readonly unknown[]): readonly unknown[] {
  return [placeOf(path), ...more];
}

const changed = new Set<string>();
let gathering = false;

/** Something has changed: what shows it, what lists it and what lies below it is asked for again, soon. */
export function noteChange(resourceId: string): void {
  changed.add(placeOf(resourceId));
  if (gathering) return;
  gathering = true;
  setTimeout(() => {
    gathering = false;
    const places = [...changed];
    changed.clear();
    void queries.invalidateQueries({
      predicate: ({ queryKey }) => places.some((place) => touches(place, queryKey[0])),
    });
  }, GATHER_MS);
}

export function touches(place: string, key: unknown): boolean {
  if (typeof key !== "string") return false;
  return key === place || key.startsWith(`${place}/`) || place.startsWith(`${key}/`);
}
