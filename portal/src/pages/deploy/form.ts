/** What the wizard asks, and what it knows while it asks. */

import type { Pairs } from "../../components/TagsEditor";
import { DEFAULT_LIMITS, type Limits } from "./limits";
import { DEFAULT_DEPLOYMENT, endpointNameFrom, find } from "./names";
import { coresTaken, type Size } from "./quota";

export type AuthMode = "Key" | "AMLToken" | "AADToken";

/** Numbers are as they are typed. */
export type Form = Limits & {
  endpointKind: "new" | "existing";
  newEndpoint: string;
  existingEndpoint: string;
  deployment: string;
  size: string;
  count: string;
  collect: boolean;
  authMode: AuthMode;
  identityType: "SystemAssigned" | "UserAssigned";
  /** ARM id of the user-assigned one. */
  identity: string;
  enforce: boolean;
  endpointTags: Pairs;
  deploymentTags: Pairs;
  /** Name of a custom one, "" for the flow's own. */
  environment: string;
  environmentVersion: string;
  variables: Pairs;
  /** Outputs that are not in the response. */
  leftOut: readonly string[];
  /** The flow's connection → the workspace's in its place. */
  overrides: Pairs;
};

/** What is deployed: a version of a flow, of which a model is made, or a model that is registered. */
export type Source =
  | { kind: "flow"; name: string; version: string }
  | { kind: "model"; name: string; version: string; id: string };

export type FlowOutput = { name: string; type: string; description?: string; evaluationOnly?: boolean };
/** A connection that the flow names. required: it cannot do without. */
export type Use = { name: string; usedBy: string[]; required: boolean };
/** What the server reads from a flow's files. */
export type Flow = {
  outputs: FlowOutput[];
  chat: { input: string | null; history: string | null; output: string | null } | null;
  connections: Use[];
  environmentVariables: string[];
  image: string | null;
};

export type Endpoint = {
  id: string;
  name: string;
  tags: Pairs;
  identity?: { type: string; userAssignedIdentities?: Record<string, object> };
  properties: { authMode: AuthMode; traffic: Record<string, number>; provisioningState: string };
};
export type Deployment = {
  id: string;
  name: string;
  sku: { capacity: number };
  properties: { instanceType: string; provisioningState: string; state: string };
};
export type Connection = { name: string; category: string };

export type Facts = {
  source: Source;
  flow: Flow;
  endpoints: Endpoint[];
  /** Of the existing endpoint that is selected. */
  deployments: Deployment[];
  sizes: Size[];
  quota: { limit: number; taken: number };
  /** null when the reader may not know them. */
  connections: Connection[] | null;
};

const DEFAULT_SIZE = "Standard_F4s_v2";

/** Sensible choices: the endpoint of the flow's name, made anew or, where it is there, deployed to again. */
export function firstForm(source: Source, endpoints: readonly string[], wanted = ""): Form {
  const name = wanted || endpointNameFrom(source.name);
  const there = find(name, endpoints);
  return {
    endpointKind: there ? "existing" : "new",
    newEndpoint: there ? "" : name,
    existingEndpoint: there ?? "",
    deployment: DEFAULT_DEPLOYMENT,
    size: DEFAULT_SIZE,
    count: "1",
    collect: false,
    authMode: "Key",
    identityType: "SystemAssigned",
    identity: "",
    enforce: true,
    endpointTags: {},
    deploymentTags: {},
    environment: "",
    environmentVersion: "",
    variables: {},
    ...DEFAULT_LIMITS,
    leftOut: [],
    overrides: {},
  };
}

export function isNew(form: Form): boolean {
  return form.endpointKind === "new";
}

export function endpointOf(form: Form): string {
  return isNew(form) ? form.newEndpoint : form.existingEndpoint;
}

/** The deployment that would be overwritten. */
export function overwritten(form: Form, { deployments }: Pick<Facts, "deployments">): Deployment | undefined {
  if (isNew(form)) return undefined;
  return deployments.find((each) => each.name.toLowerCase() === form.deployment.toLowerCase());
}

/** Cores that this deployment may take: what is left, and what the one has that it overwrites. */
export function coresLeft(form: Form, facts: Pick<Facts, "deployments" | "sizes" | "quota">): number {
  const before = overwritten(form, facts);
  const size = sizeNamed(facts.sizes, before?.properties.instanceType ?? "");
  const own = before && size ? coresTaken(size, before.sku.capacity) : 0;
  return Math.max(own, facts.quota.limit - facts.quota.taken + own);
}

export function sizeNamed(sizes: readonly Size[], name: string): Size | undefined {
  return sizes.find((each) => each.name.toLowerCase() === name.toLowerCase());
}

/** The workspace's connection that stands for the flow's. */
export function connectionFor(form: Form, name: string): string {
  return form.overrides[name] || name;
}

/** Connections of the flow that will not be found. */
export function missingConnections(form: Form, { flow, connections }: Pick<Facts, "flow" | "connections">): Use[] {
  if (connections === null) return [];
  const there = new Set(connections.map((each) => each.name.toLowerCase()));
  const brought = new Set(Object.keys(form.variables));
  return flow.connections.filter(
    ({ name }) => !there.has(connectionFor(form, name).toLowerCase()) && !brought.has(variableOf(name)),
  );
}

/** The environment variable that stands for a connection of the flow. */
export function variableOf(connection: string): string {
  return connection.replaceAll(" ", "_");
}

/** Outputs that single answers have: those over many rows are not made for one. */
export function answered({ outputs }: Flow): FlowOutput[] {
  return outputs.filter((each) => !each.evaluationOnly);
}
