/** What permissions let somebody do: as the server decides it (resources/role.py, access/decisions.py). Pure. */

import type { Permission } from "./access";
import { OPERATIONS } from "./operations.gen";

/** scope: on which it was granted; it holds there and below. */
export type Held = Permission & { scope: string };

const ML = "Microsoft.MachineLearningServices/workspaces";
const AUTHORIZATION = "Microsoft.Authorization";
type Whole = (typeof OPERATIONS)[number][2] | (typeof BESIDES)[number][0];
type Short<A> = A extends `${typeof ML}/${infer Rest}`
  ? Rest
  : A extends `${typeof AUTHORIZATION}/${infer Rest}`
    ? Rest
    : A;
/** Without the provider: `connections/write`, `roleAssignments/write`. */
export type Action = Short<Whole>;

/** Those that no route asks for by itself, and the least role that allows each. */
const BESIDES = [
  [`${ML}/onlineEndpoints/score/action`, "AzureML Data Scientist"],
  ["Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "Contributor"],
] as const;

const ROLES = new Map<string, string>([...OPERATIONS.map(([, , action, role]) => [action, role] as const), ...BESIDES]);
const WHOLE = new Map([...ROLES.keys()].map((action) => [short(action), action]));

/** What deploying takes, on one endpoint at least. */
export const DEPLOY: Action = "onlineEndpoints/deployments/write";

export function wholeOf(action: Action): string {
  return WHOLE.get(action) ?? action;
}

/** The least of the built-in roles that allows it. */
export function leastRole(action: string): string {
  return ROLES.get(action) ?? "Owner";
}

function short(action: string): string {
  const provider = [ML, AUTHORIZATION].find((each) => action.startsWith(`${each}/`));
  return provider ? action.slice(provider.length + 1) : action;
}

/** scope: an ARM id, or a path below one. */
export function may(held: readonly Held[], action: string, scope: string): boolean {
  return held.some((each) => isWithin(scope, each.scope) && allows(each, action));
}

/** On the scope, or on something below it. */
export function mayBelow(held: readonly Held[], action: string, scope: string): boolean {
  return may(held, action, scope) || held.some((each) => isWithin(each.scope, scope) && allows(each, action));
}

export function allows({ actions, notActions }: Pick<Permission, "actions" | "notActions">, action: string): boolean {
  return actions.some((each) => matches(each, action)) && !notActions.some((each) => matches(each, action));
}

const patterns = new Map<string, RegExp>();

// `*` stands for any characters, one between two slashes for a single slash too; case does not matter.
export function matches(pattern: string, action: string): boolean {
  const known = patterns.get(pattern) ?? compiled(pattern);
  patterns.set(pattern, known);
  return known.test(action);
}

function compiled(pattern: string): RegExp {
  const source = pattern
    .split(/\*+/)
    .map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
    .reduce((built, text) => {
      const shared = built.endsWith("/") && text.startsWith("/");
      return shared ? `${built}(?:.*/)?${text.slice(1)}` : `${built}.*${text}`;
    });
  return new RegExp(`^${source}$`, "is");
}

/** Whether the scope is the outer one or lies below it. */
export function isWithin(scope: string, outer: string): boolean {
  const [inner, wide] = [scope.toLowerCase(), outer.toLowerCase().replace(/\/+$/, "")];
  return inner === wide || inner.startsWith(`${wide}/`);
}

/** The innermost resource around a path: the path ends in what can be done with it, or in a list. */
export function resourceOf(path: string): string {
  const segments = path.split("/").filter(Boolean);
  for (let count = segments.length; count > 0; count--) {
    if (isId(segments.slice(0, count))) return `/${segments.slice(0, count).join("/")}`;
  }
  return "/";
}

/** `subscriptions/S`, `…/resourceGroups/G`, `…/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME…]`. */
function isId(segments: string[]): boolean {
  const provider = segments.findLastIndex((each) => each.toLowerCase() === "providers");
  if (provider < 0) return segments.length % 2 === 0;
  const below = segments.length - provider - 1;
  return below >= 3 && below % 2 === 1;
}

/** Of these two parameters a value may hold slashes. */
const LONG = new Set(["below", "path"]);

type Route = { method: string; path: RegExp; action: string };
const ROUTES: Route[] = OPERATIONS.map(([method, path, action]) => ({ method, path: routed(path), action }));

/** What a request needs, "" for what anybody may ask. */
export function actionOf(method: string, path: string): string {
  return ROUTES.find((each) => each.method === method && each.path.test(path))?.action ?? "";
}

function routed(template: string): RegExp {
  const source = template.replace(/[.]/g, "\\.").replace(/\{(\w+)\}/g, (_, name) => (LONG.has(name) ? ".+" : "[^/]+"));
  return new RegExp(`^${source}$`, "i");
}
