/** Who is behind an object id: principals as the server lists them, and the identities of endpoints. */

import type { Endpoint, Identity, Principal } from "../../api/access";
import type { Person } from "../../api/session";

export type Kind = "User" | "Service principal" | "Managed identity" | "Machine learning online endpoint" | "Unknown";
/** name: the object id itself when nobody here has it. */
export type Who = { objectId: string; name: string; kind: Kind };

/** What is known of people; lists that the reader may not see are left out. */
export type Known = { me?: Person; principals?: Principal[]; identities?: Identity[]; endpoints?: Endpoint[] };

export function everybody({ me, principals = [], identities = [], endpoints = [] }: Known): Map<string, Who> {
  const found = new Map<string, Who>();
  const add = (objectId: string | undefined, name: string, kind: Kind) => {
    if (objectId) found.set(objectId.toLowerCase(), { objectId, name, kind });
  };
  if (me) add(me.principalId, me.name, me.type === "User" ? "User" : "Service principal");
  for (const each of identities) add(each.properties.principalId, each.name, "Managed identity");
  for (const each of endpoints) add(each.identity?.principalId, each.name, "Machine learning online endpoint");
  for (const each of principals) add(each.properties.principalId, each.name, kindOf(each));
  return found;
}

export function whoIs(people: Map<string, Who>, objectId: string, type: string): Who {
  const known = people.get(objectId.toLowerCase());
  return known ?? { objectId, name: objectId, kind: type === "User" ? "User" : "Unknown" };
}

function kindOf({ properties }: Principal): Kind {
  if (properties.type === "User") return "User";
  if (properties.type === "ServicePrincipal") return "Service principal";
  return /\/onlineEndpoints\//i.test(properties.resourceId ?? "")
    ? "Machine learning online endpoint"
    : "Managed identity";
}
