/** Who uses connections: deployments and flows. */

import { useQuery } from "@tanstack/react-query";
import { all } from "../../api/client";
import { endpointOf } from "../../api/notifications";
import { keyOf } from "../../api/queries";
import { path } from "../../components/RouteLink";

export type Use = {
  id: string;
  name: string;
  properties: { userId: string; called: string[]; by: string[]; wanted: boolean; serving: boolean };
};

/** Of all connections. Whatever changes in the workspace may change it. */
export function useUses() {
  return useQuery({ queryKey: keyOf("", "connectionUses"), queryFn: () => all<Use>("/connectionUses") });
}

export function usesOf(uses: readonly Use[] | undefined, connection: string): Use[] {
  return (uses ?? []).filter((use) => use.name.toLowerCase() === connection.toLowerCase());
}

/** "support/blue" or a flow's name, and its page. */
export function userOf(use: Use): { kind: "Deployment" | "Flow"; label: string; to: string } {
  const id = use.properties.userId;
  const named = endpointOf(id);
  if (named?.deployment) {
    const to = path("/endpoints", named.endpoint, "/deployments", named.deployment);
    return { kind: "Deployment", label: `${named.endpoint}/${named.deployment}`, to };
  }
  const flow = id.split("/").pop() ?? id;
  return { kind: "Flow", label: flow, to: path("/flows", flow) };
}
