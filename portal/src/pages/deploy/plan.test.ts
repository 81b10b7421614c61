import { expect, it } from "vitest";
import { blocks, type Plan, type Planned, piecesOf, told } from "./plan";

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

it("grant commands are found in what is said", () => {
  const first = `flowstead role assignment create --role "AcrPull" --assignee-object-id 1-2 --scope ${W}`;
  const second = `flowstead role assignment create --role "A B" --assignee x --scope '/a b'`;
  expect(piecesOf(`Have an owner run: ${first} and deploy again.`)).toEqual([
    { text: "Have an owner run:", isCommand: false },
    { text: first, isCommand: true },
    { text: "and deploy again.", isCommand: false },
  ]);
  const commands = piecesOf(`${second}; or ${first}.`).filter((piece) => piece.isCommand);
  expect(commands.map(({ text }) => text)).toEqual([second, first]);
  expect(piecesOf("Choose another name.")).toEqual([{ text: "Choose another name.", isCommand: false }]);
});

it("what would not be taken blocks; what the identity lacks can be granted later", () => {
  const refused = (code: string) =>
    plan(row("onlineEndpoints/e", { action: "refused", refusal: { code, message: "", status: 403 } }));
  expect(blocks(plan(row("onlineEndpoints/e")))).toBe(false);
  expect(blocks(refused("AuthorizationFailed"))).toBe(true);
  expect(blocks(refused("OutOfQuota"))).toBe(true);
  expect(blocks(refused("AccessDenied"))).toBe(false);
});
