/** What was changed, by whom, with what outcome. */

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { errorOf, send, urlOf } from "./client";
import { keyOf } from "./queries";

export type AuditRecord = {
  id: string;
  name: string;
  properties: {
    time: string;
    principal: string;
    principalId: string;
    action: string;
    resourceId: string;
    outcome: string;
    before: unknown;
    after: unknown;
    detail?: string;
    requestId?: string;
    operationId?: string;
    error?: { error?: { code?: string; message?: string }; code?: string; message?: string };
  };
};
type Page = { value: AuditRecord[]; nextLink?: string };
/** What is "" asks for nothing. */
export type AuditFilter = { resource: string; principal: string; outcome: string; since: string };

const AT_ONCE = "50";

/** Newest first, page after page. */
export function useAudit(filter: AuditFilter) {
  const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value));
  return useInfiniteQuery({
    queryKey: keyOf("/auditRecords", given),
    initialPageParam: "",
    queryFn: ({ pageParam }) => page({ ...given, $top: AT_ONCE, ...(pageParam && { $skipToken: pageParam }) }),
    getNextPageParam: ({ nextLink }) =>
      nextLink ? new URLSearchParams(nextLink.split("?")[1]).get("$skipToken") : null,
  });
}

export function useLatestChanges(count: number) {
  return useQuery({
    queryKey: keyOf("/auditRecords", "latest", count),
    queryFn: async () => (await page({ $top: String(count) })).value,
  });
}

async function page(query: Record<string, string>): Promise<Page> {
  const answer = await send(urlOf("/auditRecords", query));
  if (!answer.ok) throw await errorOf(answer);
  return (await answer.json()) as Page;
}

/** Of an id: what lies below the workspace or the server, as people say it. */
export function placeName(resourceId: string): string {
  const granted = /^(.*)\/providers\/Microsoft\.Authorization\/roleAssignments\/[^/]+$/i.exec(resourceId);
  if (granted) return `role assignment on ${granted[1] ? placeName(granted[1]) : "everything"}`;
  if (!resourceId.includes("/providers/")) return resourceId.split("/").slice(-2).join("/");
  const [provider, ...below] = (resourceId.split("/providers/").at(-1) ?? "").split("/");
  const isWorkspace = /^Microsoft\.MachineLearningServices$/i.test(provider ?? "");
  return below.slice(isWorkspace && below.length > 2 ? 2 : 0).join("/");
}
