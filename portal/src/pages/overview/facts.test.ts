import { expect, it } from "vitest";
import { byState, type Deployment } from "./facts";
import { firstSteps } from "./firstSteps";

function deployment(provisioningState: string, requestsLastHour = 0): Deployment {
  const instances = { ready: 1, asleep: 0, wanted: 1 };
  const power = { state: "Running", traffic: 100 };
  const properties = { endpoint: "chat", provisioningState, instances, requestsLastHour, ...power };
  return { id: "1", name: "blue", properties };
}

it("states are counted, the most frequent first", () => {
  expect(byState(["Failed", "Succeeded", "Succeeded"])).toEqual([
    { state: "Succeeded", count: 2 },
    { state: "Failed", count: 1 },
  ]);
});

it("an empty workspace has every step before it, and the first is to create a flow", () => {
  const steps = firstSteps([], []);
  expect(steps.map(({ done }) => done)).toEqual([false, false, false, false]);
  expect(steps[0]?.to).toBe("/flows");
});

it("each step leads to what there is", () => {
  const steps = firstSteps(["my flow"], [deployment("Failed"), deployment("Succeeded", 3)]);
  expect(steps.map(({ done }) => done)).toEqual([true, true, true, true]);
  expect(steps[2]?.to).toBe("/flows/my%20flow/deploy");
  expect(steps[3]).toMatchObject({ to: "/endpoints/chat/deployments/blue", search: { tab: "consume" } });
});
