/** What pages show of the server, kept fresh by its events. A query's key begins with the path of what it shows. */

import { type Query, QueryClient } from "@tanstack/react-query";
import { AwayError, GROUP_ID, SUBSCRIPTION_ID, WORKSPACE_ID } from "./client";

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

const gone = new WeakSet<Query>();

// Made anew, it is asked for anew.
queries.getQueryCache().subscribe(({ type, query }) => {
  if (type === "observerRemoved" && gone.has(query) && !query.isActive()) queries.getQueryCache().remove(query);
});

/** Delete a resource. What still shows it, or what lies below it, does not ask for it again: it would hear that it is
 * not there. remove: throws when it stays. */
export async function whileGoing(resource: string, remove: () => Promise<void>): Promise<void> {
  const place = placeOf(resource);
  await sparing(({ queryKey }) => isIn(place, queryKey[0]), remove);
}

/** The same for what those queries show. */
export async function sparing(these: (query: Query) => boolean, remove: () => Promise<void>): Promise<void> {
  const shown = queries.getQueryCache().findAll({ predicate: these });
  for (const query of shown) gone.add(query);
  try {
    await remove();
  } catch (failure) {
    for (const query of shown) gone.delete(query);
    refresh((query) => shown.includes(query));
    throw failure;
  }
}

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

/** Where role assignments are kept in queries, whichever scopes they are of: a list shows inherited ones too. */
export const ROLE_ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments";
export const PRINCIPALS = `${SUBSCRIPTION_ID}/providers/Flowstead.Access/principals`;
export const IDENTITIES = `${GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`;

/** What lies elsewhere than it shows: where a change happens → whose queries it touches besides. */
const ELSEWHERE: readonly [RegExp, readonly string[]][] = [
  [/\/providers\/microsoft\.authorization\/roleassignments\//, [ROLE_ASSIGNMENTS]],
  [/\/providers\/microsoft\.authorization\/roledefinitions\//, [ROLE_ASSIGNMENTS]],
  // They come with a principal of their own, and their roles go with them.
  [/\/providers\/flowstead\.access\/principals\//, [ROLE_ASSIGNMENTS]],
  [/\/userassignedidentities\/[^/]+$/, [ROLE_ASSIGNMENTS, PRINCIPALS]],
  [/^\/onlineendpoints\/[^/]+$/, [ROLE_ASSIGNMENTS, PRINCIPALS]],
  [/^\/onlineendpoints\//, ["/usage", "/instanceTypes"]],
  [/^/, ["/auditRecords"]],
];

/** All places that a change of that resource touches. */
export function placesOf(resourceId: string): string[] {
  const place = placeOf(resourceId);
  const besides = ELSEWHERE.filter(([where]) => where.test(place)).flatMap(([, keys]) => keys);
  return [place, ...besides.map(placeOf)];
}

/** Everything is asked for again: nobody knows what has changed. */
export function noteAll(): void {
  refresh(() => true);
}

const changed = new Set<string>();
let gathering = false;

/** Something has changed: what shows it, what lists it and what lies below it is asked for again, soon. */
export function noteChange(resourceId: string): void {
  for (const place of placesOf(resourceId)) changed.add(place);
  if (gathering) return;
  gathering = true;
  setTimeout(() => {
    gathering = false;
    const places = [...changed];
    changed.clear();
    refresh(({ queryKey }) => places.some((place) => touches(place, queryKey[0])));
  }, GATHER_MS);
}

/** Ask again for those. One that is being asked for the first time may be answered with what was before: it is asked
 * once more after that, which `invalidateQueries` does only for those that have data. */
function refresh(wanted: (query: Query) => boolean): void {
  const these = (query: Query) => !gone.has(query) && wanted(query);
  const first = queries.getQueryCache().findAll({ predicate: (query) => these(query) && isFirst(query) });
  void queries.invalidateQueries({ predicate: these });
  for (const query of first) {
    const again = () => void queries.invalidateQueries({ predicate: (each) => each === query });
    void query.promise?.then(again, again);
  }
}

function isFirst({ state }: Query): boolean {
  return state.data === undefined && state.fetchStatus === "fetching";
}

export function touches(place: string, key: unknown): boolean {
  if (typeof key !== "string") return false;
  return isIn(place, key) || place.startsWith(`${key}/`);
}

function isIn(place: string, key: unknown): boolean {
  return key === place || (typeof key === "string" && key.startsWith(`${place}/`));
}
