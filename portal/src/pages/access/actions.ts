/** The actions that there are. */

import type { Permission } from "../../api/access";
import { allows } from "../../api/permissions";

/** What the permission lets somebody do, with resources and with what is in them. */
export function permits(permission: Permission, { name, isData }: Action): boolean {
  if (!isData) return allows(permission, name);
  return allows({ actions: permission.dataActions, notActions: permission.notDataActions }, name);
}

export type Action = { name: string; what: string; isData: boolean };

const ML = "Microsoft.MachineLearningServices/workspaces";

/** Those that no route asks for by itself. */
const BESIDES: readonly Action[] = [
  { name: `${ML}/onlineEndpoints/score/action`, what: "Score with a token of one's own", isData: false },
  { name: `${ML}/metrics/resource/write`, what: "Write metrics", isData: false },
  {
    name: "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    what: "Give an identity to an endpoint",
    isData: false,
  },
  { name: "Microsoft.ContainerRegistry/registries/pull/read", what: "Pull images", isData: false },
  {
    name: "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
    what: "Read blobs, as models are loaded",
    isData: true,
  },
];

type Described = { paths: Record<string, Record<string, { "x-action"?: string; summary?: string }>> };

/** All that the server's own description asks for, by name. */
export function actionsOf(description: Described): Action[] {
  const found = new Map(BESIDES.map((each) => [each.name.toLowerCase(), each]));
  for (const methods of Object.values(description.paths)) {
    for (const { "x-action": name, summary = "" } of Object.values(methods)) {
      if (name && !found.has(name.toLowerCase()))
        found.set(name.toLowerCase(), { name, what: spoken(summary), isData: false });
    }
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name, "en"));
}

/** "List Role Assignments" → "List role assignments". */
function spoken(summary: string): string {
  return summary.charAt(0) + summary.slice(1).toLowerCase();
}

/** What is wrong with a pattern, "" when nothing is: the server's own bounds. */
export function faultOf(pattern: string): string {
  if (/^[A-Za-z0-9.*/_ ()-]{1,512}$/.test(pattern)) return "";
  return "Actions look like Microsoft.MachineLearningServices/workspaces/read; * stands for any part.";
}
