import { expect, it } from "vitest";
import { Creation, creationOf, deploymentId, isSending, merged, STAGES } from "./creations";
import type { Notification } from "./notifications";

/** What is told of, as a page would be told. */
function told(): Notification[] {
  return merged(Creation.all(), []);
}

it("a creation goes through its three stages, and a failure marks the one that has begun", () => {
  const creation = new Creation("e", "blue");
  expect(told()[0]?.properties).toMatchObject({
    title: "Prompt flow deployment e/blue",
    status: "InProgress",
    resourceId: deploymentId("e", "blue"),
  });
  creation.begin("Creating an endpoint");
  creation.end();
  creation.begin("Registering a model");
  creation.fail("OutOfQuota", "No.");
  const { status, error, stages } = told()[0]?.properties ?? {};
  expect([status, error]).toEqual(["Failed", { code: "OutOfQuota", message: "No." }]);
  expect(stages?.map((each) => each.name)).toEqual([...STAGES]);
  expect(stages?.map((each) => each.status)).toEqual(["Succeeded", "Failed", "Waiting"]);
  expect(stages?.map((each) => Boolean(each.endTime))).toEqual([true, true, false]);
});

it("of two attempts the later is told of, and of what the server knows, what the server says", () => {
  new Creation("e", "green").fail("", "first");
  const again = new Creation("E", "Green");
  expect(told().filter((each) => /green/i.test(each.properties.title))).toHaveLength(1);
  again.handOver("op-1");
  const mine = told().find((each) => each.name === "op-1") as Notification;
  const server = { ...mine, id: "/notifications/op-1" };
  expect(merged([mine], [server])).toEqual([server]);
  expect(merged([mine], [])).toEqual([mine]);
});

it("what is a stage of another one is told as that", () => {
  const creation = new Creation("one", "blue");
  const server = (id: string, operation: string, resource: string, partOf?: string): Notification => {
    const { properties } = told()[0] as Notification;
    const resourceId = deploymentId(resource, "blue").replace("/deployments/blue", "");
    return { id, name: id, properties: { ...properties, operation, resourceId, ...(partOf && { partOf }) } };
  };
  const all = [server("1", "create", "One"), server("2", "update", "one", "/n/3"), server("4", "create", "other")];
  const ids = () => merged(Creation.all(), all).map((each) => each.id);
  expect(ids()).toContain("4");
  expect(ids()).not.toContain("1");
  expect(ids()).not.toContain("2");
  creation.handOver("4");
  expect(ids()).toContain("1");
});

it("what this page sends is told from what the server is at", () => {
  const creation = new Creation("e", "red");
  expect(isSending(Creation.all(), "E", "red")).toBe(true);
  expect(isSending(Creation.all(), "e", "blue")).toBe(false);
  creation.handOver("op-2");
  expect(isSending(Creation.all(), "e", "red")).toBe(false);
});

it("of two who make one deployment each is told of his own", () => {
  const creation = new Creation("raced", "blue");
  const id = deploymentId("raced", "blue");
  const [mine] = Creation.all();
  if (!mine) throw new Error("Nothing is told of.");
  const theirs: Notification = {
    ...mine,
    id: "/notifications/op-theirs",
    name: "op-theirs",
    properties: { ...mine.properties, status: "Succeeded", startTime: "9999" },
  };
  creation.fail("EndpointExists", "Somebody else.");
  const seen = () => creationOf(id, Creation.all(), merged(Creation.all(), [theirs]));
  expect(seen()?.properties).toMatchObject({ status: "Failed", error: { code: "EndpointExists" } });
  creation.handOver("op-mine");
  expect(seen()?.name).toBe("op-mine");
  expect(creationOf(id, [], [theirs])).toBe(theirs);
});
