import { expect, it } from "vitest";
import { missedBy } from "./power";

const shares = (traffic: Record<string, number>, mirrorTraffic: Record<string, number> = {}) => ({
  traffic,
  mirrorTraffic,
});

it("a stop tells whose requests fail by it", () => {
  expect(missedBy("blue", shares({ blue: 100 }))).toContain("All requests");
  expect(missedBy("blue", shares({ blue: 30, green: 70 }))).toContain("30 % of the endpoint's requests");
  expect(missedBy("blue", shares({ green: 100 }, { blue: 10 }))).toContain("mirrored to it are dropped");
  expect(missedBy("blue", shares({ green: 100 }))).toContain("no traffic of the endpoint");
  expect(missedBy("blue", null)).toContain("A request that names it");
});
