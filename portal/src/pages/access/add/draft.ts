/** What is being granted, to whom, while the pages are walked. */

import type { Role } from "../../../api/access";
import type { Scope } from "../scopes";

export type MemberKind = "person" | "identity";
/** type: as a role assignment names it. */
export type Member = { objectId: string; name: string; kind: string; type: "User" | "ServicePrincipal" };
export type Draft = { scope: Scope; role: Role | null; kind: MemberKind; members: Member[] };
export type StepProps = { draft: Draft; set: (part: Partial<Draft>) => void };

export const KINDS: readonly { value: MemberKind; label: string }[] = [
  { value: "person", label: "User, group, or service principal" },
  { value: "identity", label: "Managed identity" },
];

export function isGuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** The chosen ones with these besides; each once. */
export function joined(chosen: Member[], more: Member[]): Member[] {
  const known = new Set(chosen.map(({ objectId }) => objectId.toLowerCase()));
  return [...chosen, ...more.filter(({ objectId }) => !known.has(objectId.toLowerCase()))];
}
