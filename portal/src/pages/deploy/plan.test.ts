import { expect, it } from "vitest";
import { blocks, type Plan, type Planned, told } from "./plan";

const W = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w";
const quota = { limit: 500, taken: 0, takenAfter: 8, left: 492 };
const row = (below: string, part: Partial<Planned> = {}): Planned => ({
  id: `${W}/${below}`,
  action: "create",
  ...part,
});
const plan = (...resources: Planned[]): Plan => ({ accepted: true, resources, quota });

it("rows are named, the second on an endpoint is its traffic", () => {
  const all = plan(
    row("onlineEndpoints/e"),
    row("models/m/versions/2"),
    row("onlineEndpoints/e/deployments/blue"),
    row("onlineEndpoints/e"),
  );
  expect(told(all, true).map(({ about }) => about)).toEqual([
    "Endpoint e",
    "Model m, version 2",
    "Deployment e/blue",
    "Traffic of the endpoint e",
  ]);
});

it("of an endpoint that is there only the traffic is set, its deployment is overwritten", () => {
  const all = plan(
    row("onlineEndpoints/e/deployments/blue", { action: "overwrite" }),
    row("onlineEndpoints/e", { action: "overwrite" }),
  );
  expect(told(all, false).map(({ about, verb }) => `${about} ${verb}`)).toEqual([
    "Deployment e/blue will be overwritten",
    "Traffic of the endpoint e will be set",
  ]);
});

it("what would not be taken blocks; what the identity lacks can be granted later", () => {
  const refused = (code: string) =>
    plan(row("onlineEndpoints/e", { action: "refused", refusal: { code, message: "", status: 403 } }));
  expect(blocks(plan(row("onlineEndpoints/e")))).toBe(false);
  expect(blocks(refused("AuthorizationFailed"))).toBe(true);
  expect(blocks(refused("OutOfQuota"))).toBe(true);
  expect(blocks(refused("AccessDenied"))).toBe(false);
});
