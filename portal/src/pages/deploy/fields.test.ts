import { expect, it } from "vitest";
import { FIELDS, problemsOf } from "./fields";
import { type Facts, type Form, firstForm, missingConnections } from "./form";

const FLOW = { kind: "flow", name: "My flow", version: "3" } as const;
const facts: Facts = {
  source: FLOW,
  flow: {
    outputs: [
      { name: "answer", type: "string" },
      { name: "sources", type: "list" },
      { name: "score", type: "double", evaluationOnly: true },
    ],
    chat: null,
    connections: [{ name: "open ai", usedBy: ["node answer"], required: true }],
    environmentVariables: [],
    image: null,
  },
  endpoints: [
    { id: "", name: "shop", tags: {}, properties: { authMode: "Key", traffic: {}, provisioningState: "Succeeded" } },
  ],
  deployments: [
    {
      id: "",
      name: "Blue",
      sku: { capacity: 2 },
      properties: { instanceType: "Standard_F4s_v2", provisioningState: "Succeeded", state: "Running" },
    },
  ],
  sizes: [{ name: "Standard_F4s_v2", cores: 4, memoryGiB: 8, gpus: 0 }],
  quota: { limit: 48, taken: 12 },
  connections: [{ name: "other", category: "OpenAI" }],
};
const form = (part: Partial<Form> = {}): Form => ({ ...firstForm(FLOW, ["shop"]), ...part });
const shown = (key: keyof Form, part: Partial<Form>) => fieldOf(key)?.shown(form(part), facts);

const fieldOf = (key: keyof Form) => FIELDS.find((field) => field.asks.includes(key));

it("what is asked is reviewed, once", () => {
  const asked = FIELDS.flatMap((field) => field.asks);
  expect([...asked].sort()).toEqual(Object.keys(form()).sort());
});

it("with the defaults nothing is wrong", () => {
  expect(problemsOf(form(), facts)).toEqual([]);
});

it.each<[Partial<Form>, string, string]>([
  [{ newEndpoint: "" }, "basic", "Enter a name for the endpoint."],
  [{ newEndpoint: "shop" }, "basic", "There is an endpoint shop."],
  [{ endpointKind: "existing" }, "basic", "Select an endpoint."],
  [{ deployment: "x y" }, "basic", "The name has letters"],
  [{ size: "Huge" }, "basic", "Select a virtual machine."],
  [{ count: "8" }, "basic", "10 × 4 cores = 40 cores, and 36 cores of the quota are left. At most 7 instances"],
  [{ identityType: "UserAssigned" }, "endpoint", "Select an identity, or create one."],
  [{ environment: "?" }, "deployment", "Select an environment"],
  [{ variables: { "a=b": "1" } }, "deployment", "cannot be the name"],
  [{ timeoutSeconds: "301" }, "deployment", "from 0.001 to 300 seconds"],
  [{ concurrency: "0" }, "deployment", "from 1 to 1,000"],
  [{ queueLength: "1001" }, "deployment", "from 0 to 1,000"],
  [{ queueMilliseconds: "-1" }, "deployment", "milliseconds"],
  [{ requestsPerSecond: "x" }, "deployment", "from 0 to 1,000,000"],
  [{ leftOut: ["answer", "sources"] }, "outputs", "Select at least one output."],
])("%j is said at its page", (part, page, text) => {
  const found = problemsOf(form(part), facts);
  expect(found.map((each) => each.field.page)).toEqual([page]);
  expect(found[0]?.text).toContain(text);
});

it("a deployment that is overwritten gives its cores back, and is said", () => {
  const again = { endpointKind: "existing", existingEndpoint: "shop", deployment: "blue" } as const;
  expect(problemsOf(form({ ...again, count: "10" }), facts)).toEqual([]);
  expect(problemsOf(form({ ...again, count: "11" }), facts)).toHaveLength(1);
  expect(shown("deployment", again)).toBe("blue (is overwritten)");
  expect(shown("deployment", { ...again, deployment: "green" })).toBe("green");
});

it("the settings of an endpoint that exists are not asked", () => {
  const again = { endpointKind: "existing", existingEndpoint: "shop", identityType: "UserAssigned" } as const;
  expect(problemsOf(form(again), facts)).toEqual([]);
  for (const key of ["authMode", "identity", "enforce", "endpointTags"] as const) expect(shown(key, again)).toBeNull();
});

it("values are shown as they were chosen, secrets as masks", () => {
  expect(shown("variables", { variables: { MODE: "fast", OPENAI_API_KEY: "sk-1" } })).toEqual([
    "MODE = fast",
    "OPENAI_API_KEY = ••••••••",
  ]);
  expect(shown("leftOut", { leftOut: ["sources"] })).toEqual(["answer"]);
  expect(shown("overrides", { overrides: { "open ai": "other" } })).toEqual(["open ai → other"]);
  expect(shown("enforce", { identityType: "UserAssigned" })).toBeNull();
});

it("a connection is missing unless it is there, is overridden or comes as a variable", () => {
  const names = (part: Partial<Form>) => missingConnections(form(part), facts).map((use) => use.name);
  expect(names({})).toEqual(["open ai"]);
  expect(names({ overrides: { "open ai": "Other" } })).toEqual([]);
  expect(names({ variables: { open_ai: "{}" } })).toEqual([]);
  expect(missingConnections(form(), { ...facts, connections: null })).toEqual([]);
});
