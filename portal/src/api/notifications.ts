/** Long-running operations, as the notification centre and the pages of what they change show them. */

import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { all } from "./client";
import { merged, useCreations } from "./creations";
import { keyOf } from "./queries";

export type Outcome = "InProgress" | "Succeeded" | "Failed" | "Canceled";
/** endTime: absent while it lasts, and when it is not known any more. */
export type Stage = { name: string; status: Outcome | "Waiting"; startTime: string; endTime?: string };
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
    /** The notification whose stage it is. */
    partOf?: string;
  };
};

/** The server's, and what this page is creating. */
export function useNotifications() {
  const own = useCreations();
  return useQuery({
    queryKey: keyOf("/notifications"),
    queryFn: () => all<Notification>("/notifications"),
    select: useCallback((told: Notification[]) => merged(own, told), [own]),
  });
}

/** `…/onlineEndpoints/e/deployments/d` → { endpoint: "e", deployment: "d" }; null for what is no part of an endpoint. */
export function endpointOf(resourceId: string): { endpoint: string; deployment: string } | null {
  const found = /\/onlineEndpoints\/([^/]+)(?:\/deployments\/([^/]+))?$/i.exec(resourceId);
  return found ? { endpoint: found[1] ?? "", deployment: found[2] ?? "" } : null;
}
