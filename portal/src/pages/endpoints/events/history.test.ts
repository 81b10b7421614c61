import { describe, expect, it } from "vitest";
import { type AuditRecord, changedFields, deedOf } from "./history";

const ENDPOINT = "/subscriptions/s/workspaces/w/onlineEndpoints/chat";
const record = (action: string, more: Partial<AuditRecord["properties"]> = {}) =>
  ({ properties: { action, resourceId: ENDPOINT, before: null, after: null, ...more } }) as unknown as AuditRecord;

describe("an event", () => {
  it("names what was changed in the page's own words", () => {
    const before = { tags: {}, traffic: { blue: 100 }, base: 1, instance_count: 1 };
    const after = { tags: {}, traffic: { green: 100 }, base: 2, instance_count: 2 };
    expect(changedFields(before, after)).toEqual(["traffic", "instance count"]);
    expect(deedOf(record("update", { before, after }), ENDPOINT)).toBe("Changed: traffic, instance count");
    expect(deedOf(record("update", { before, after: before }), ENDPOINT)).toBe("Set again, unchanged");
  });

  it("of a deployment is told with its name on the endpoint's page", () => {
    const blue = `${ENDPOINT}/deployments/blue`;
    expect(deedOf(record("create", { resourceId: blue }), ENDPOINT)).toBe("blue: Created");
    expect(deedOf(record("create", { resourceId: blue }), blue)).toBe("Created");
  });

  it("tells which secret, never what", () => {
    expect(deedOf(record("putSecret", { detail: "primaryKey" }), ENDPOINT)).toBe("Secret set: primary key");
    expect(deedOf(record("putSecret", { detail: "environment_variables.API_KEY" }), ENDPOINT)).toBe(
      "Secret set: API_KEY",
    );
  });
});
