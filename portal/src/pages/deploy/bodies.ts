/** The form → what is PUT: the same bodies as the command line's `flowstead deploy` sends. */

import { WORKSPACE_ID } from "../../api/client";
import { answered, endpointOf, type Facts, type Flow, type Form, isNew, type Source, variableOf } from "./form";
import { isDefault, settingsOf } from "./limits";
import { modelNameFrom } from "./names";

const LOCATION = "local";
const ENFORCE_ACCESS = "enforce_access_to_default_secret_stores";
const INCLUDED_OUTPUTS = "PROMPTFLOW_RESPONSE_INCLUDED_FIELDS";

export type Body = Record<string, unknown>;
/** A PUT: path below the workspace, as ids end. */
export type Put = { id: string; body: Body };

export function endpointBody(form: Form): Body {
  const own = form.identityType === "SystemAssigned";
  return {
    location: LOCATION,
    identity: own
      ? { type: "SystemAssigned" }
      : { type: "UserAssigned", userAssignedIdentities: { [form.identity]: {} } },
    properties: {
      authMode: form.authMode,
      description: "",
      // Only an identity that the server makes is granted anything by it.
      properties: own && form.enforce ? { [ENFORCE_ACCESS]: "enabled" } : {},
    },
    tags: form.endpointTags,
  };
}

export function modelBody(source: Source, flow: Flow): Body {
  return {
    properties: {
      description: "",
      tags: {},
      properties: flowProperties(source, flow),
      modelType: "custom_model",
      isAnonymous: false,
      isArchived: false,
      modelUri: `azureml://flows/${source.name}/versions/${source.version}`,
    },
  };
}

/** By which Azure's pages know a prompt flow, and a chat flow's inputs and outputs. */
function flowProperties(source: Source, { chat }: Flow): Record<string, string> {
  return {
    "azureml.promptflow.source_flow_id": source.name,
    ...(chat && { "azureml.promptflow.mode": "chat", "azureml.promptflow.chat_input": chat.input ?? "" }),
    ...(chat?.output && { "azureml.promptflow.chat_output": chat.output }),
  };
}

/** model: its ARM id. */
export function deploymentBody(form: Form, flow: Flow, model: string): Body {
  return {
    location: LOCATION,
    properties: {
      endpointComputeType: "Managed",
      model,
      ...(form.environment && { environmentId: environmentId(form) }),
      instanceType: form.size,
      environmentVariables: { ...form.variables, ...choices(form, flow) },
      ...(!isDefault(form) && { requestSettings: settingsOf(form) }),
      ...(form.collect && { dataCollector: collector() }),
      properties: {},
      description: "",
    },
    sku: { name: "Default", capacity: Number(form.count) },
    tags: form.deploymentTags,
  };
}

function environmentId({ environment, environmentVersion }: Form): string {
  return `${WORKSPACE_ID}/environments/${environment}/versions/${environmentVersion}`;
}

/** The one switch turns on the flow's inputs and outputs. */
function collector(): Body {
  const enabled = { dataCollectionMode: "enabled" };
  return { collections: { model_inputs: enabled, model_outputs: enabled } };
}

/** The variables by which a deployment chooses of its flow. */
function choices(form: Form, flow: Flow): Record<string, string> {
  const chosen = Object.entries(form.overrides).filter(([name, connection]) => connection && connection !== name);
  return { ...includedOutputs(form, flow), ...Object.fromEntries(chosen.map(([name, to]) => [variableOf(name), to])) };
}

function includedOutputs(form: Form, flow: Flow): Record<string, string> {
  const names = answered(flow).map((each) => each.name);
  const included = names.filter((name) => !form.leftOut.includes(name));
  if (included.length === names.length) return {};
  return { [INCLUDED_OUTPUTS]: `[${included.map((name) => JSON.stringify(name)).join(", ")}]` };
}

type WithTraffic = { properties: { traffic?: Record<string, number> | null } };

/** The body that gives the endpoint, as GET showed it, another split. */
export function withAllTraffic(endpoint: WithTraffic & Body, deployment: string): Body {
  return { ...endpoint, properties: { ...endpoint.properties, traffic: { [deployment]: 100 } } };
}

/** No other deployment could take traffic, and none does: what is deployed now is the endpoint's first. */
export function isFirst(endpoint: WithTraffic, deployments: readonly { name: string }[], deployment: string): boolean {
  const others = deployments.some((each) => each.name.toLowerCase() !== deployment.toLowerCase());
  return !others && !Object.values(endpoint.properties.traffic ?? {}).some((share) => share > 0);
}

/** All that would be PUT, in its order. version: that the model gets. */
export function planned(form: Form, facts: Facts, version: string): Put[] {
  const { source, flow } = facts;
  const name = endpointOf(form);
  const id = `onlineEndpoints/${name}`;
  const there = facts.endpoints.find((each) => each.name === form.existingEndpoint);
  const body = isNew(form) || !there ? endpointBody(form) : null;
  const place = `models/${modelNameFrom(source.name)}/versions/${version}`;
  const model = source.kind === "flow" ? `${WORKSPACE_ID}/${place}` : source.id;
  const puts: Put[] = [];
  if (body) puts.push({ id, body });
  if (source.kind === "flow") puts.push({ id: place, body: modelBody(source, flow) });
  puts.push({ id: `${id}/deployments/${form.deployment}`, body: deploymentBody(form, flow, model) });
  const endpoint = (body ?? there) as WithTraffic & Body;
  if (isFirst(endpoint, body ? [] : facts.deployments, form.deployment)) {
    puts.push({ id, body: withAllTraffic(endpoint, form.deployment) });
  }
  return puts;
}
