/** What the overview counts. */

import { useQuery } from "@tanstack/react-query";
import { all, api, at, body, SITE } from "../../api/client";
import { keyOf } from "../../api/queries";

export type Deployment = {
  id: string;
  name: string;
  properties: {
    endpoint: string;
    provisioningState: string;
    state: string;
    traffic: number;
    provisioningError?: { code?: string; message?: string };
    instances: { ready: number; asleep: number; wanted: number };
    requestsLastHour: number;
  };
};

export function useDeployments() {
  return useQuery({
    queryKey: keyOf("/onlineEndpoints", "overview"),
    queryFn: () => all<Deployment>("/onlineDeployments"),
  });
}

export function useFlowNames() {
  return useQuery({
    queryKey: keyOf("/flows", "names"),
    queryFn: async () => (await all<{ name: string }>("/flows")).map(({ name }) => name),
  });
}

export function useUsage() {
  return useQuery({
    queryKey: keyOf("/usage"),
    queryFn: async () => (await body(api.GET(`${SITE}/usage`, { params: { path: at() } }))).value,
  });
}

/** How many there are of each state, most first. */
export function byState(states: readonly string[]): { state: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => ({ state, count })).sort((a, b) => b.count - a.count);
}
