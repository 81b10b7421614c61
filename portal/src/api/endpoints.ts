/** Endpoints, their deployments and what these consist of, as the pages show them and keep them fresh. */

import { useQuery } from "@tanstack/react-query";
import { all, errorOf, send, urlOf } from "./client";
import { keyOf } from "./queries";

export type State = "Creating" | "Updating" | "Scaling" | "Deleting" | "Succeeded" | "Failed" | "Canceled";
/** Of the type Default nothing but the type is there: sku.capacity says how many. Times as ISO 8601; idleTime: only with
 * the minimum 0. */
export type ScaleSettings = {
  scaleType: "Default" | "TargetUtilization";
  minInstances?: number;
  maxInstances?: number;
  pollingInterval?: string;
  targetUtilizationPercentage?: number;
  idleTime?: string;
};
/** Times as ISO 8601. queueLength: of an instance, null for as many as run at once; requestsPerSecond: of the whole
 * deployment, 0 for any number. */
export type RequestSettings = {
  requestTimeout: string;
  maxConcurrentRequestsPerInstance: number;
  maxQueueWait: string;
  queueLength: number | null;
  requestsPerSecond: number;
};
/** What is asked of a deployment: one that is stopped has no instances. */
export type Power = "Running" | "Stopped";
export type Pairs = Record<string, string>;
export type Shares = Record<string, number>;
export type Fault = { code: string; message: string };
export type AuthMode = "Key" | "AMLToken" | "AADToken";
type Resource<P> = {
  id: string;
  name: string;
  tags?: Pairs;
  properties: P;
  systemData?: { createdBy: string; createdAt: string; lastModifiedBy: string; lastModifiedAt: string };
};

export type Endpoint = Resource<{
  description: string;
  authMode: AuthMode;
  traffic: Shares;
  mirrorTraffic: Shares;
  publicNetworkAccess: string;
  requestsPerSecond?: number;
  properties: Pairs;
  provisioningState: State;
  provisioningError?: Fault;
  scoringUri: string;
  swaggerUri: string;
}> & {
  identity: {
    type: string;
    principalId?: string;
    userAssignedIdentities?: Record<string, { principalId?: string; clientId?: string }>;
  };
};

/** A deployment in the list of all: in short. */
export type DeploymentRow = Resource<{
  endpoint: string;
  provisioningState: State;
  state: Power;
  provisioningError?: Fault;
  model: string;
  environmentId: string | null;
  instanceType: string;
  traffic: number;
  mirrorTraffic: number;
  instances: { ready: number; asleep: number; wanted: number };
  requestsLastHour: number;
}>;

export type Condition = { type: string; status: boolean; reason: string; message: string; lastTransitionTime: string };
export type Probe = {
  initialDelay: string;
  period: string;
  timeout: string;
  successThreshold: number;
  failureThreshold: number;
};
export type ConnectionUse = { name: string | null; connection: string; usedBy: string[]; required: boolean };

export type Deployment = Resource<{
  description: string;
  model: string;
  environmentId: string | null;
  environmentVariables: Pairs;
  instanceType: string;
  requestSettings: RequestSettings;
  livenessProbe: Probe;
  readinessProbe: Probe;
  appInsightsEnabled: boolean;
  scaleSettings: ScaleSettings;
  scaling?: { autoscaleSetting?: string; reason?: string; since?: string; refused?: string };
  connections: ConnectionUse[];
  includedOutputs?: string[] | null;
  dataCollector?: { collections: Record<string, { dataCollectionMode?: string; dataId?: string | null }> };
  provisioningState: State;
  state: Power;
  provisioningError?: Fault;
  conditions: Condition[];
}> & { sku: { capacity: number } };

/** message: what happened, and what helps. signal: absent when it ended by itself. */
export type End = { at: string; exitCode: number; signal?: string; reason: string; message: string };
/** cores, memoryBytes, gpus: what it is held to, and by what: enforcement, "none" where the host cannot. advice: what
 * helps against waiting for its cores. */
export type Instance = Resource<{
  state: string;
  revision: string;
  restarts: number;
  since?: string;
  isolation?: string;
  cores?: number;
  memoryBytes?: number;
  gpus?: number;
  enforcement?: string;
  lastEnd?: End;
  nextStartAt?: string;
  advice?: string;
}>;
/** One field of it; null for what is not there. */
export type Change = { field: string; before: unknown; after: unknown };
/** changes: since the revision before it. */
export type Revision = Resource<{
  number: number;
  state: "Serving" | "Target" | "Failed" | "Superseded";
  createdAt: string;
  createdBy: string;
  changes: Change[];
  error?: Fault;
}>;

/** A resource with the tag that says which state of it was read. */
export type Read<T> = { resource: T; etag: string };

const LOOK_AGAIN_MS = 15_000;
const LOOK_AT_INSTANCES_MS = 3000;

export const endpointPath = (endpoint: string) => `/onlineEndpoints/${encodeURIComponent(endpoint)}`;
export const deploymentPath = (endpoint: string, deployment: string) =>
  `${endpointPath(endpoint)}/deployments/${encodeURIComponent(deployment)}`;

export function useEndpoints() {
  return useQuery({ queryKey: keyOf("/onlineEndpoints"), queryFn: () => all<Endpoint>("/onlineEndpoints") });
}

/** The deployments of all endpoints, the newest first. Looked at again now and then: neither requests nor instances make events. */
export function useDeployments() {
  return useQuery({
    queryKey: keyOf("/onlineEndpoints", "onlineDeployments"),
    queryFn: () => all<DeploymentRow>("/onlineDeployments", { orderBy: "CreatedAtDesc" }),
    refetchInterval: LOOK_AGAIN_MS,
  });
}

export function useEndpoint(endpoint: string) {
  const path = endpointPath(endpoint);
  return useQuery({ queryKey: keyOf(path, "read"), queryFn: () => read<Endpoint>(path) });
}

/** What the server holds the requests of all endpoints to. requestsPerSecond: of an endpoint that says nothing of it, 0
 * for any number. */
export type Workspace = Resource<{ maxRequestBytes: number; requestsPerSecond: number }>;

export function useWorkspace() {
  // Not below the workspace's own path: every event would touch it, and it changes with the server's start alone.
  return useQuery({ queryKey: ["workspace"], queryFn: async () => (await read<Workspace>("")).resource });
}

export function useDeployment(endpoint: string, deployment: string) {
  const path = deploymentPath(endpoint, deployment);
  return useQuery({ queryKey: keyOf(path, "read"), queryFn: () => read<Deployment>(path) });
}

export function useInstances(endpoint: string, deployment: string) {
  const path = deploymentPath(endpoint, deployment);
  return useQuery({
    queryKey: keyOf(path, "instances"),
    queryFn: () => all<Instance>(`${path}/instances`),
    refetchInterval: LOOK_AT_INSTANCES_MS,
  });
}

/** Newest first: the first one is what is wanted now. */
export function useRevisions(endpoint: string, deployment: string) {
  const path = deploymentPath(endpoint, deployment);
  return useQuery({ queryKey: keyOf(path, "revisions"), queryFn: () => all<Revision>(`${path}/revisions`) });
}

/** One resource. Throws ApiError. */
export async function read<T>(path: string): Promise<Read<T>> {
  const answer = await send(urlOf(path));
  if (!answer.ok) throw await errorOf(answer);
  return { resource: (await answer.json()) as T, etag: answer.headers.get("ETag") ?? "" };
}

/** A request that changes something; what it answers, null for nothing. etag: of what was read. Throws ApiError. */
export async function change<T>(method: string, path: string, sent?: unknown, etag = ""): Promise<T | null> {
  const headers: Record<string, string> = sent === undefined ? {} : { "Content-Type": "application/json" };
  if (etag) headers["If-Match"] = etag;
  const body = sent === undefined ? null : JSON.stringify(sent);
  const answer = await send(urlOf(path), { method, headers, body });
  if (!answer.ok) throw await errorOf(answer);
  const text = await answer.text();
  return text ? (JSON.parse(text) as T) : null;
}

/** The one word for a deployment where there is place for one: that it is stopped, once it is. */
export function stateOf({ provisioningState, state }: { provisioningState: string; state: string }): string {
  return provisioningState === "Succeeded" && state === "Stopped" ? state : provisioningState;
}

/** `…/models/m/versions/3`, `azureml:m:3` or a registry's address → { name, version }; null for what is none. */
export function versionOf(id: string | null | undefined): { name: string; version: string } | null {
  const found = /\/([^/]+)\/versions\/([^/]+)$/.exec(id ?? "") ?? /^azureml:([^:]+):([^:]+)$/.exec(id ?? "");
  return found ? { name: found[1] ?? "", version: found[2] ?? "" } : null;
}

/** `name:version`, or the id itself. */
export function spokenVersion(id: string | null | undefined): string {
  const found = versionOf(id);
  return found ? `${found.name}:${found.version}` : (id ?? "");
}
