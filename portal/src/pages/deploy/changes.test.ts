import { expect, it } from "vitest";
import { wordsOf } from "./changes";

const W = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w";

it.each([
  ["properties.model", `${W}/models/ver1/versions/1`, `${W}/models/ver1/versions/2`, "Model: ver1:1 → ver1:2"],
  ["properties.environmentId", null, `${W}/environments/own/versions/3`, "Environment: nothing → own:3"],
  ["sku.capacity", 2, 1, "Instance count: 2 → 1"],
  ["properties.requestSettings.requestTimeout", "PT33S", "PT1M30S", "Request time-out: 33 s → 90 s"],
  ["properties.requestSettings.maxQueueWait", "PT0.5S", "PT1S", "Longest wait in the queue: 500 ms → 1 s"],
  ["properties.environmentVariables.KEY", "PT", null, "Environment variable KEY: PT → nothing"],
  ["tags.team", null, "search", "Tag team: nothing → search"],
  [
    "properties.dataCollector.collections.model_inputs.dataCollectionMode",
    "Enabled",
    null,
    "Inference data collection, model_inputs: Enabled → nothing",
  ],
  ["properties.traffic.blue", null, 100, "blue: 0 % → 100 %"],
  ["instanceType", "Standard_F2s_v2", "Standard_F4s_v2", "Virtual machine: Standard_F2s_v2 → Standard_F4s_v2"],
  ["scaleSettings.idleTime", "PT5M", "PT10S", "Idle time before sleep: 300 s → 10 s"],
  ["requestSettings.requestsPerSecond", 0, 50, "Requests per second: any number → 50"],
  ["requestSettings.queueLength", null, 0, "Queue length per instance: as many as run at once → 0"],
  ["properties.requestsPerSecond", null, 0, "Requests per second: nothing → any number"],
  ["livenessProbe.period", "PT10S", "PT5S", "Liveness probe, period: 10 s → 5 s"],
  ["environmentVariables.API_KEY", "********", "********", "Environment variable API_KEY: another secret"],
  ["connections", [], [{ connection: "llm", usedBy: ["a"] }], "Connections: nothing → llm"],
  ["runtime", null, null, "The same settings, on another version of Flowstead or of packages"],
  ["tags.long", null, "x".repeat(999), `Tag long: nothing → ${"x".repeat(200)}…`],
  ["properties.livenessProbe", { period: 1 }, null, 'livenessProbe: {"period":1} → nothing'],
])("%s is said in the wizard's words", (field, before, after, words) => {
  expect(wordsOf({ field, before, after })).toBe(words);
});
