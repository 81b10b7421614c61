/** Which roles a principal has. */

import { useQuery } from "@tanstack/react-query";
import { ApiError, all, SUBSCRIPTION_ID, WORKSPACE_ID } from "./client";
import { keyOf } from "./queries";

const AUTHORIZATION = "/providers/Microsoft.Authorization";
type Assignment = { id: string; properties: { scope: string; roleDefinitionId: string; principalId: string } };
type Definition = { name: string; properties: { roleName: string } };
export type HeldRole = { id: string; role: string; scope: string };

/** Of all scopes; of the workspace alone for who may not look further. */
export function useRolesOf(principalId: string) {
  return useQuery({
    queryKey: keyOf(`${AUTHORIZATION}/roleAssignments`, principalId),
    queryFn: async () => {
      const $filter = `principalId eq '${principalId}'`;
      const [held, known] = await Promise.all([
        widest<Assignment>("roleAssignments", { $filter }),
        widest<Definition>("roleDefinitions", {}),
      ]);
      const names = new Map(known.map((each) => [each.name.toLowerCase(), each.properties.roleName]));
      return held.map(({ id, properties }): HeldRole => {
        const role = properties.roleDefinitionId.split("/").at(-1) ?? "";
        return { id, role: names.get(role.toLowerCase()) ?? role, scope: properties.scope };
      });
    },
  });
}

async function widest<T>(what: string, query: Record<string, string>): Promise<T[]> {
  try {
    return await all<T>(`${SUBSCRIPTION_ID}${AUTHORIZATION}/${what}`, query);
  } catch (failure) {
    if (!(failure instanceof ApiError) || failure.status !== 403) throw failure;
    return all<T>(`${WORKSPACE_ID}${AUTHORIZATION}/${what}`, query);
  }
}

/** What a person calls a scope: `workspace default`, `connection llm`. */
export function spokenScope(scope: string): string {
  if (scope === "/" || scope === "") return "everything";
  const words = scope.split("/").filter(Boolean);
  const name = words.at(-1) ?? "";
  return `${KINDS[(words.at(-2) ?? "").toLowerCase()] ?? words.at(-2)} ${name}`;
}

const KINDS: Record<string, string> = {
  subscriptions: "subscription",
  resourcegroups: "resource group",
  workspaces: "workspace",
  registries: "container registry",
  storageaccounts: "storage account",
  connections: "connection",
  onlineendpoints: "endpoint",
  deployments: "deployment",
};
