/** What roles are granted on, by the short names of the command line. */

import { REGISTRY_ID, STORAGE_ID } from "../../api/access";
import { GROUP_ID, SUBSCRIPTION_ID, WORKSPACE_ID } from "../../api/client";
import { isWithin } from "../../api/permissions";

/** key: as in an address, `?scope=workspace`. kind: what it is, name: which one, "" where there is but one. */
export type Scope = { key: string; id: string; kind: string; name: string };

/** Those that there is one of, the widest first. */
export const FIXED: readonly Scope[] = [
  { key: "/", id: "/", kind: "Everything", name: "" },
  { key: "subscription", id: SUBSCRIPTION_ID, kind: "Subscription", name: "" },
  { key: "resource-group", id: GROUP_ID, kind: "Resource group", name: "flowstead" },
  { key: "workspace", id: WORKSPACE_ID, kind: "Project (workspace)", name: "default" },
  { key: "registry", id: REGISTRY_ID, kind: "Container registry", name: "flowstead" },
  { key: "storage", id: STORAGE_ID, kind: "Storage account", name: "flowstead" },
];
const WORKSPACE = FIXED[3] as Scope;

/** Those that there are many of. */
const NAMED = [
  { key: "endpoint", kind: "Endpoint", prefix: `${WORKSPACE_ID}/onlineEndpoints/` },
  { key: "connection", kind: "Connection", prefix: `${WORKSPACE_ID}/connections/` },
  {
    key: "identity",
    kind: "Identity",
    prefix: `${GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/`,
  },
] as const;

export type NamedKind = (typeof NAMED)[number]["key"];

export function scopeOfName(kind: NamedKind, name: string): Scope {
  const found = NAMED.find(({ key }) => key === kind) ?? NAMED[0];
  return { key: `${kind}:${name}`, id: found.prefix + name, kind: found.kind, name };
}

/** From an address: a short name or an ARM id; the workspace when it says neither. */
export function scopeOf(given: unknown): Scope {
  const text = typeof given === "string" ? given.trim() : "";
  if (!text) return WORKSPACE;
  const id = text === "/" ? "/" : text.replace(/\/+$/, "");
  const fixed = FIXED.find((each) => each.key === text || same(each.id, id));
  if (fixed) return fixed;
  for (const { key, prefix } of NAMED) {
    if (text.startsWith(`${key}:`)) return scopeOfName(key, text.slice(key.length + 1));
    const name = same(id.slice(0, prefix.length), prefix) ? id.slice(prefix.length) : "";
    if (name && !name.includes("/")) return scopeOfName(key, name);
  }
  if (!id.startsWith("/")) return WORKSPACE;
  return { key: id, id, kind: "Resource", name: id.split("/").at(-1) ?? id };
}

/** As people say it. */
export function titleOf({ kind, name }: Scope): string {
  return name ? `${kind} ${name}` : kind;
}

/** Whether a grant on the outer scope holds on the inner one, and is not made there. */
export function isInherited(granted: string, at: string): boolean {
  return !same(granted, at) && isWithin(at, granted);
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
