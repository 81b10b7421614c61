/** What the wizard knows of the workspace while it asks, kept fresh by the server's events. */

import { useQuery } from "@tanstack/react-query";
import { ApiError, all, errorOf, send, urlOf } from "../../api/client";
import { keyOf } from "../../api/queries";
import type { Connection, Deployment, Endpoint, Facts, Flow, Form, Source } from "./form";
import { isNew } from "./form";
import type { Size } from "./quota";

export type Problem = { severity: "error" | "warning"; message: string; file: string; line: number; column: number };
/** flow: null when it cannot be read. */
export type Examined = { valid: boolean; problems: Problem[]; flow: Flow | null };

/** The version of the flow that is deployed, or a model's flow. */
export function useFlow(source: Source | null) {
  return useQuery({
    queryKey: keyOf(source ? placeOf(source) : "", "deploy"),
    queryFn: () => examine(source as Source),
    enabled: source !== null,
  });
}

export function useEndpoints() {
  return useQuery({ queryKey: keyOf("/onlineEndpoints"), queryFn: () => all<Endpoint>("/onlineEndpoints") });
}

type Workspace = Omit<Facts, "source" | "flow" | "endpoints">;
/** loading: what depends on the selected endpoint is not there yet, and its deployments seem to be none. */
type Known = { workspace: Workspace | null; loading: boolean; failure: unknown; again: () => void };

/** All that the pages need besides; null until it is there. */
export function useWorkspace(form: Form): Known {
  const endpoint = isNew(form) ? "" : form.existingEndpoint;
  const below = `/onlineEndpoints/${endpoint}/deployments`;
  const deployments = useQuery({
    queryKey: keyOf(below),
    queryFn: () => all<Deployment>(below),
    enabled: endpoint !== "",
  });
  const sizes = useQuery({
    queryKey: keyOf("/instanceTypes"),
    queryFn: listSizes,
    staleTime: Number.POSITIVE_INFINITY,
  });
  // Of all deployments together: asked anew when any of them changes.
  const quota = useQuery({ queryKey: keyOf("/onlineEndpoints", "quota"), queryFn: readQuota });
  const connections = useQuery({ queryKey: keyOf("/connections", "names"), queryFn: listConnections });
  const failed = [deployments, sizes, quota, connections].find((query) => query.isError && query.data === undefined);
  const known = { failure: failed?.error ?? null, again: () => void failed?.refetch() };
  if (!sizes.data || !quota.data || connections.data === undefined) return { ...known, workspace: null, loading: true };
  const found = endpoint === "" ? [] : (deployments.data ?? []);
  const workspace = { deployments: found, sizes: sizes.data, quota: quota.data, connections: connections.data };
  return { ...known, workspace, loading: endpoint !== "" && deployments.data === undefined };
}

export function placeOf(source: Source): string {
  return source.kind === "flow" ? `/flows/${source.name}` : `/models/${source.name}/versions/${source.version}`;
}

async function examine(source: Source): Promise<Examined> {
  if (source.kind === "model") {
    const path = `/models/${encodeURIComponent(source.name)}/versions/${encodeURIComponent(source.version)}/flow`;
    const { properties } = await ask<{ properties: Flow }>("GET", urlOf(path));
    return { valid: true, problems: [], flow: properties };
  }
  const path = `/flows/${encodeURIComponent(source.name)}/validate`;
  return ask<Examined>("POST", urlOf(path, { version: source.version }));
}

async function listSizes(): Promise<Size[]> {
  const found = await all<{ name: string; properties: Omit<Size, "name"> }>("/instanceTypes");
  return found.map(({ name, properties: { cores, memoryGiB, gpus } }) => ({ name, cores, memoryGiB, gpus }));
}

type Usage = { name: { value: string }; currentValue: number; limit?: number };

async function readQuota(): Promise<{ limit: number; taken: number }> {
  const cores = (await all<Usage>("/usage")).find((row) => row.name.value === "cores");
  return { limit: cores?.limit ?? 0, taken: cores?.currentValue ?? 0 };
}

async function listConnections(): Promise<Connection[] | null> {
  try {
    const found = await all<{ name: string; properties: { category: string } }>("/connections");
    return found.map(({ name, properties }) => ({ name, category: properties.category }));
  } catch (failure) {
    if (failure instanceof ApiError && failure.status === 403) return null;
    throw failure;
  }
}

export async function ask<T>(method: "GET" | "POST", url: string, sent?: unknown): Promise<T> {
  const json = { body: JSON.stringify(sent), headers: { "Content-Type": "application/json" } };
  const answer = await send(url, { method, ...(sent !== undefined && json) });
  if (!answer.ok) throw await errorOf(answer);
  return (await answer.json()) as T;
}
