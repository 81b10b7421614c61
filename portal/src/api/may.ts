/** What the signed-in person may do. It guides him: what would be refused is not offered and not asked for, since a
 * browser prints every refusal on the console. The server stays the judge. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { type ApiError, api, body, errorFrom, WORKSPACE_ID } from "./client";
import { type Action, actionOf, type Held, leastRole, may, mayBelow, resourceOf, wholeOf } from "./permissions";
import { keyOf, queries, ROLE_ASSIGNMENTS } from "./queries";
import { type Person, personOf, sessionNow, useSession } from "./session";

/** command: what grants the least role that is enough. */
export type Refusal = { who: Person; action: string; resource: string; role: string; command: string };

const OWN = "own";
/** For who may not follow events, and so is not told that he was given a role. */
const LOOK_AGAIN_MS = 30_000;

const keyFor = (person: Person | null) => keyOf(ROLE_ASSIGNMENTS, OWN, person?.principalId ?? "");

/** Kept fresh by the events of role assignments; before it is known, nothing is refused. */
function useHeld() {
  const person = personOf(useSession());
  return useQuery({
    queryKey: keyFor(person),
    enabled: person !== null,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<Held[]> => (await body(api.GET("/session/permissions"))).value,
    refetchInterval: ({ state }) =>
      state.data && may(state.data, wholeOf("events/read"), WORKSPACE_ID) ? false : LOOK_AGAIN_MS,
  });
}

/** Whether it is known what the person may do, or will not be. What he sees is asked for again when that changes. */
export function useKnownRights(): boolean {
  const { data, isPending } = useHeld();
  const before = useRef(data);
  useEffect(() => {
    if (before.current && before.current !== data) {
      void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] !== OWN });
    }
    before.current = data;
  }, [data]);
  return !isPending;
}

/** Why the person may not do all of that; null when he may. on: an id, or a path below the workspace: of what is there,
 * or of what holds it when it shall be made. anywhere: it is enough that he may on something below that. */
export function useRefusal(actions: Action | readonly Action[], on = WORKSPACE_ID, anywhere = false): Refusal | null {
  const held = useHeld().data;
  const person = personOf(useSession());
  const path = on.startsWith("/subscriptions/") || on === "/" ? on : WORKSPACE_ID + on;
  for (const action of typeof actions === "string" ? [actions] : actions) {
    if (anywhere && held && mayBelow(held, wholeOf(action), path)) continue;
    const refusal = person && held && refusalOf(person, held, wholeOf(action), path);
    if (refusal) return refusal;
  }
  return null;
}

/** As the server says it. */
export function errorOfRefusal({ who, action, resource, command }: Refusal): ApiError {
  const fault = `${who.name} (object id ${who.principalId}) may not perform ${action} on ${resource}.`;
  const hint = `Ask an owner to grant a role that allows it, for example: ${command}`;
  return errorFrom({ error: { code: "AuthorizationFailed", message: `${fault}\n${hint}` } }, 403);
}

const ASKING = new Set(["GET", "POST"]);

/** What the server would answer to a request that only asks; null when it would let it in, or when it is to say. */
export function refusedNow(method: string, path: string): ApiError | null {
  const action = ASKING.has(method) ? actionOf(method, path) : "";
  const person = personOf(sessionNow());
  const held = queries.getQueryData<Held[]>(keyFor(person));
  const refusal = action && person && held && refusalOf(person, held, action, path);
  return refusal ? errorOfRefusal(refusal) : null;
}

export function refusalOf(who: Person, held: readonly Held[], action: string, path: string): Refusal | null {
  if (may(held, action, path)) return null;
  const [resource, role] = [resourceOf(path), leastRole(action)];
  // No role is granted on a role assignment itself, but where it is.
  const scope = resource.replace(/\/providers\/Microsoft\.Authorization\/.*$/i, "") || "/";
  const kind = who.issuer ? ` --assignee-principal-type ${who.type === "User" ? "User" : "ServicePrincipal"}` : "";
  const command = `flowstead role assignment create --role "${role}" --assignee-object-id ${who.principalId} --scope ${quoted(scope)}${kind}`;
  return { who, action, resource, role, command };
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
