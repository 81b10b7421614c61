/** The server's word on what would be PUT, before anything is. */

import { useQuery } from "@tanstack/react-query";
import { urlOf } from "../../api/client";
import type { Change } from "../../api/endpoints";
import { keyOf } from "../../api/queries";
import { planned } from "./bodies";
import { nextVersion } from "./creating";
import { ask } from "./facts";
import type { Facts, Form } from "./form";
import { modelNameFrom } from "./names";

export type Refusal = { code: string; message: string; mend?: string; status: number };
export type Planned = {
  id: string;
  action: "create" | "overwrite" | "unchanged" | "refused";
  changes?: Change[];
  secretsOrRetry?: boolean;
  refusal?: Refusal;
  notChecked?: string[];
};
export type Plan = {
  accepted: boolean;
  resources: Planned[];
  quota: { limit: number; taken: number; takenAfter: number; left: number };
};

/** Asked again whenever anything changes: a role that is granted meanwhile shows. Kept only while it is shown, for the
 * variables may be secrets. */
export function usePlan(form: Form, facts: Facts, enabled: boolean) {
  const { source } = facts;
  return useQuery({
    // The key of the workspace itself: whatever changes lies below it.
    queryKey: keyOf("", "plan", form, source, facts.endpoints, facts.deployments),
    queryFn: async () => {
      const version = source.kind === "flow" ? await nextVersion(modelNameFrom(source.name)) : source.version;
      return ask<Plan>("POST", urlOf("/plan"), { resources: planned(form, facts, version) });
    },
    enabled,
    gcTime: 0,
    staleTime: 0,
  });
}

/** Whether Create would end half-way or at once: it would not be taken. What only lacks a role of the endpoint's
 * identity is taken, and becomes ready once the role is granted. */
export function blocks(plan: Plan): boolean {
  return plan.resources.some(({ refusal }) => refusal !== undefined && !isLater(refusal));
}

/** A role that the endpoint's identity lacks can be granted afterwards too. */
export function isLater({ code }: Refusal): boolean {
  return code === "AccessDenied";
}

/** A row: what it is about and what would become of it, for people. */
export type Told = { row: Planned; about: string; verb: string };

const VERBS = {
  create: "will be created",
  overwrite: "will be overwritten",
  unchanged: "stays as it is",
  refused: "would be refused",
} as const;

/** isNew: the endpoint is. Of an endpoint that is there, or that comes a second time, only the traffic is set. */
export function told(plan: Plan, isNew: boolean): Told[] {
  const endpoints = new Set<string>();
  return plan.resources.map((row) => {
    const [kind, name, , below] = row.id.split("/workspaces/")[1]?.split("/").slice(1) ?? [];
    const verb = row.refusal && isLater(row.refusal) ? "would fail" : VERBS[row.action];
    if (kind?.toLowerCase() === "models") return { row, verb, about: `Model ${name}, version ${below}` };
    if (below) return { row, verb, about: `Deployment ${name}/${below}` };
    if (isNew && !endpoints.has(row.id)) {
      endpoints.add(row.id);
      return { row, verb, about: `Endpoint ${name}` };
    }
    return { row, verb: row.action === "overwrite" ? "will be set" : verb, about: `Traffic of the endpoint ${name}` };
  });
}
