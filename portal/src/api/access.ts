/** Who may do what: roles, their assignments, and whom they are given to. */

import { useQuery } from "@tanstack/react-query";
import { all, errorOf, GROUP_ID, SUBSCRIPTION_ID, send, urlOf } from "./client";
import { newGuid } from "./guid";
import { IDENTITIES, keyOf, PRINCIPALS, ROLE_ASSIGNMENTS } from "./queries";

export type Permission = { actions: string[]; notActions: string[]; dataActions: string[]; notDataActions: string[] };
export type Role = {
  id: string;
  name: string;
  properties: {
    roleName: string;
    type: "BuiltInRole" | "CustomRole";
    description: string;
    assignableScopes: string[];
    permissions: Permission[];
  };
};
export type Assignment = {
  id: string;
  name: string;
  properties: {
    scope: string;
    roleDefinitionId: string;
    principalId: string;
    principalType: string;
    createdOn: string;
    createdBy: string;
  };
};
/** resourceId: whose own it is, of an identity or an endpoint. */
export type Principal = {
  id: string;
  name: string;
  properties: {
    type: "User" | "ServicePrincipal" | "ManagedIdentity";
    principalId: string;
    clientId: string;
    createdOn: string;
    resourceId?: string;
    issuer?: string;
    blocked?: boolean;
  };
};
export type Identity = {
  id: string;
  name: string;
  tags: Record<string, string>;
  properties: {
    tenantId: string;
    principalId: string;
    clientId: string;
    application?: { authority: string; tenantId: string; clientId: string };
  };
};
export type Endpoint = {
  id: string;
  name: string;
  identity: { type: string; principalId?: string; userAssignedIdentities?: Record<string, unknown> };
  properties: { provisioningState: string };
};

/** The path of something of Microsoft.Authorization at a scope, "/" for everything. */
export function below(scope: string, kind: "roleAssignments" | "roleDefinitions", name = ""): string {
  return `${scope === "/" ? "" : scope}/providers/Microsoft.Authorization/${kind}${name && `/${name}`}`;
}

/** Where a custom role is changed from a scope: who may do it there may not, perhaps, at a wider one. */
export function roleFrom(scope: string, name: string): string {
  return below(scope === "/" ? SUBSCRIPTION_ID : scope, "roleDefinitions", name);
}

/** Those that hold at the scope; deep: those on what lies below it too. */
export function useAssignments(scope: string, deep = false) {
  return useQuery({
    queryKey: keyOf(ROLE_ASSIGNMENTS, scope, deep),
    queryFn: () => all<Assignment>(below(scope, "roleAssignments"), deep ? {} : { $filter: "atScope()" }),
  });
}

/** Those that can be granted at the scope; deep: those for what lies below it too. */
export function useRoles(scope: string, deep = false) {
  return useQuery({
    queryKey: keyOf(below(SUBSCRIPTION_ID, "roleDefinitions"), scope, deep),
    queryFn: () => all<Role>(below(scope, "roleDefinitions"), deep ? { $filter: "atScopeAndBelow()" } : {}),
  });
}

/** Users and service principals, and those that identities are. */
export function usePrincipals() {
  return useQuery({ queryKey: keyOf(PRINCIPALS), queryFn: () => all<Principal>(PRINCIPALS) });
}

export function useIdentities() {
  return useQuery({ queryKey: keyOf(IDENTITIES), queryFn: () => all<Identity>(IDENTITIES) });
}

export function useEndpoints() {
  return useQuery({
    queryKey: keyOf("/onlineEndpoints", "identities"),
    queryFn: () => all<Endpoint>("/onlineEndpoints"),
  });
}

export const REGISTRY_ID = `${GROUP_ID}/providers/Microsoft.ContainerRegistry/registries/flowstead`;
export const STORAGE_ID = `${GROUP_ID}/providers/Microsoft.Storage/storageAccounts/flowstead`;

/** One request whose answer matters; sent: its JSON body. Throws ApiError. */
export async function ask<T = unknown>(method: string, path: string, sent?: unknown): Promise<T> {
  const answer = await send(urlOf(path), {
    method,
    ...(sent !== undefined && { body: JSON.stringify(sent), headers: { "Content-Type": "application/json" } }),
  });
  if (!answer.ok) throw await errorOf(answer);
  return (answer.status === 204 || answer.headers.get("content-length") === "0" ? undefined : await answer.json()) as T;
}

export async function grant(scope: string, role: Role, principal: { id: string; type: string }): Promise<void> {
  await ask("PUT", below(scope, "roleAssignments", newGuid()), {
    properties: { roleDefinitionId: role.id, principalId: principal.id, principalType: principal.type },
  });
}
