import { expect, it } from "vitest";
import { WORKSPACE_ID } from "../../api/client";
import { deploymentBody, endpointBody, isFirst, modelBody, planned } from "./bodies";
import { type Facts, type Flow, type Form, firstForm } from "./form";

const SOURCE = { kind: "flow", name: "My flow", version: "3" } as const;
const FLOW: Flow = {
  outputs: [
    { name: "answer", type: "string" },
    { name: "quellen ü", type: "list" },
    { name: "score", type: "double", evaluationOnly: true },
  ],
  chat: null,
  connections: [{ name: "open ai", usedBy: [], required: true }],
  environmentVariables: [],
  image: null,
};
const form = (part: Partial<Form> = {}): Form => ({ ...firstForm(SOURCE, []), ...part });

it("an endpoint by default", () => {
  expect(endpointBody(form())).toEqual({
    location: "local",
    identity: { type: "SystemAssigned" },
    properties: {
      authMode: "Key",
      description: "",
      properties: { enforce_access_to_default_secret_stores: "enabled" },
    },
    tags: {},
  });
});

it("only an identity that the server makes is granted anything", () => {
  const id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mine";
  expect(endpointBody(form({ identityType: "UserAssigned", identity: id }))).toMatchObject({
    identity: { type: "UserAssigned", userAssignedIdentities: { [id]: {} } },
    properties: { properties: {} },
  });
  expect(endpointBody(form({ enforce: false }))).toMatchObject({ properties: { properties: {} } });
});

it("a model is made of the very version of the flow, and says what a chat flow is", () => {
  const chat = { input: "question", history: "chat_history", output: "answer" };
  expect(modelBody(SOURCE, { ...FLOW, chat })).toMatchObject({
    properties: {
      modelUri: "azureml://flows/My flow/versions/3",
      properties: {
        "azureml.promptflow.source_flow_id": "My flow",
        "azureml.promptflow.mode": "chat",
        "azureml.promptflow.chat_input": "question",
        "azureml.promptflow.chat_output": "answer",
      },
    },
  });
  expect(modelBody(SOURCE, FLOW)).toMatchObject({
    properties: { properties: { "azureml.promptflow.source_flow_id": "My flow" } },
  });
});

it("a deployment with untouched advanced values says nothing of them", () => {
  expect(deploymentBody(form(), FLOW, "M")).toEqual({
    location: "local",
    properties: {
      endpointComputeType: "Managed",
      model: "M",
      instanceType: "Standard_F4s_v2",
      environmentVariables: {},
      properties: {},
      description: "",
    },
    sku: { name: "Default", capacity: 1 },
    tags: {},
  });
});

it("a deployment with all that can be chosen", () => {
  const all = form({
    count: "3",
    collect: true,
    environment: "tools",
    environmentVersion: "2",
    deploymentTags: { team: "search" },
    variables: { MODE: "fast" },
    timeoutSeconds: "30",
    queueMilliseconds: "250",
    requestsPerSecond: "100",
    leftOut: ["answer"],
    overrides: { "open ai": "other", unchanged: "unchanged", inherited: "" },
  });
  expect(deploymentBody(all, FLOW, "M")).toMatchObject({
    properties: {
      environmentId: `${WORKSPACE_ID}/environments/tools/versions/2`,
      environmentVariables: {
        MODE: "fast",
        PROMPTFLOW_RESPONSE_INCLUDED_FIELDS: '["quellen ü"]',
        open_ai: "other",
      },
      requestSettings: {
        requestTimeout: "PT30S",
        maxConcurrentRequestsPerInstance: 10,
        maxQueueWait: "PT0.25S",
        queueLength: null,
        requestsPerSecond: 100,
      },
      dataCollector: {
        collections: {
          model_inputs: { dataCollectionMode: "enabled" },
          model_outputs: { dataCollectionMode: "enabled" },
        },
      },
    },
    sku: { capacity: 3 },
    tags: { team: "search" },
  });
  expect(deploymentBody(all, FLOW, "M").properties).not.toHaveProperty("environmentVariables.unchanged");
});

it("the first deployment of an endpoint is told from others", () => {
  const none = { properties: { traffic: {} } };
  expect(isFirst(none, [], "blue")).toBe(true);
  expect(isFirst(none, [{ name: "Blue" }], "blue")).toBe(true);
  expect(isFirst(none, [{ name: "green" }], "blue")).toBe(false);
  expect(isFirst({ properties: { traffic: { blue: 100 } } }, [{ name: "blue" }], "blue")).toBe(false);
});

it("what would be PUT, in its order", () => {
  const facts: Facts = {
    source: SOURCE,
    flow: FLOW,
    endpoints: [
      {
        id: "",
        name: "shop",
        tags: {},
        properties: { authMode: "Key", traffic: { green: 100 }, provisioningState: "" },
      },
    ],
    deployments: [],
    sizes: [],
    quota: { limit: 1, taken: 0 },
    connections: [],
  };
  const ids = (part: Partial<Form>, source: Facts["source"] = SOURCE) =>
    planned(form(part), { ...facts, source }, "4").map((each) => each.id);
  const [endpoint, model, deployment] = ["onlineEndpoints/my-flow", "models/My-flow/versions/4", "deployments/blue"];
  expect(ids({})).toEqual([endpoint, model, `${endpoint}/${deployment}`, endpoint]);
  expect(ids({ endpointKind: "existing", existingEndpoint: "shop" })).toEqual([
    model,
    `onlineEndpoints/shop/${deployment}`,
  ]);
  expect(ids({}, { kind: "model", name: "m", version: "1", id: "/W/models/m/versions/1" })).toEqual([
    endpoint,
    `${endpoint}/${deployment}`,
    endpoint,
  ]);
  const put = planned(form(), facts, "4").at(-1);
  expect(put?.body).toMatchObject({ properties: { traffic: { blue: 100 } } });
});
