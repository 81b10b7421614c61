/** Long-running operations, as the notification centre and the pages of what they change show them. */

import { useQuery } from "@tanstack/react-query";
import { all } from "./client";
import { keyOf } from "./queries";

export type Outcome = "InProgress" | "Succeeded" | "Failed" | "Canceled";
export type Stage = { name: string; status: Outcome; time?: string };
export type Notification = {
  id: string;
  name: string;
  properties: {
    title: string;
    operation: string;
    resourceId: string;
    status: Outcome;
    percentComplete: number;
    phase: string;
    phaseTimes: Record<string, number>;
    startTime: string;
    endTime?: string;
    error?: { code: string; message: string };
    stages: Stage[];
  };
};

export function useNotifications() {
  return useQuery({ queryKey: keyOf("/notifications"), queryFn: () => all<Notification>("/notifications") });
}

/** `…/onlineEndpoints/e/deployments/d` → { endpoint: "e", deployment: "d" }; null for what is no part of an endpoint. */
export function endpointOf(resourceId: string): { endpoint: string; deployment: string } | null {
  const found = /\/onlineEndpoints\/([^/]+)(?:\/deployments\/([^/]+))?$/i.exec(resourceId);
  return found ? { endpoint: found[1] ?? "", deployment: found[2] ?? "" } : null;
}

/** What the article promises the notification of a deployment to begin with. */
export function titleOf({ properties }: Notification): string {
  const named = endpointOf(properties.resourceId);
  const deploys = named?.deployment && (properties.operation === "Create" || properties.operation === "Update");
  return deploys ? `Prompt flow deployment ${named.endpoint}/${named.deployment}` : properties.title;
}
