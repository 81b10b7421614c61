/** What an address asks to be granted, `?role=AcrPull&member=chat`: it is only filled in, and reviewed like any other. */

import type { Principal, Role } from "../../../api/access";
import { type Draft, isGuid, type Member } from "./draft";

/** missing: what is not there of what was asked for, for people. */
export type Wanted = { draft: Omit<Draft, "scope">; missing: string[] };

/** principals: null when whoever asks may not see them. */
export function wantedOf(
  roleName: string,
  who: string,
  roles: readonly Role[],
  principals: readonly Principal[] | null,
): Wanted {
  const role =
    roles.find(({ name, properties }) => same(properties.roleName, roleName) || same(name, roleName)) ?? null;
  const member = who ? memberOf(who, principals ?? []) : null;
  const missing: string[] = [];
  if (roleName && !role) missing.push(`There is no role ${roleName} to be granted here. Select a role.`);
  if (who && !member) {
    missing.push(
      principals
        ? `Nobody here is just ${who}: create it first, or select the members.`
        : `Your roles do not show who is called ${who}. Select the members, or give an object id.`,
    );
  }
  const isIdentity = member !== null && member.kind !== "User" && member.kind !== "Service principal";
  return {
    draft: { role, kind: isIdentity ? "identity" : "person", members: member ? [member] : [] },
    missing,
  };
}

/** By object id, or by a name that only one has. */
function memberOf(who: string, principals: readonly Principal[]): Member | null {
  const byId = principals.find(({ properties }) => same(properties.principalId, who));
  const byName = principals.filter(({ name }) => same(name, who));
  const found = byId ?? (byName.length === 1 ? byName[0] : undefined);
  if (found) return asMember(found);
  return isGuid(who) ? { objectId: who, name: who, kind: "User", type: "User" } : null;
}

function asMember({ name, properties }: Principal): Member {
  const { type, principalId, resourceId = "" } = properties;
  if (type === "User") return { objectId: principalId, name, kind: "User", type };
  const ofEndpoint = /\/onlineEndpoints\//i.test(resourceId);
  const ofIdentity = ofEndpoint ? "Machine learning online endpoint" : "User-assigned managed identity";
  const kind = type === "ManagedIdentity" ? ofIdentity : "Service principal";
  return { objectId: principalId, name, kind, type: "ServicePrincipal" };
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
