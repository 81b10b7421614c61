import { describe, expect, it } from "vitest";
import type { Deployment, ScaleSettings } from "../../../api/endpoints";
import { bodyOf, problemsOf, scalingOf, spokenScale } from "./scaling";

const deployment = (scaleSettings: ScaleSettings, capacity = 2) =>
  ({ sku: { capacity }, properties: { scaleSettings } }) as unknown as Deployment;
const SETTINGS: ScaleSettings = {
  scaleType: "TargetUtilization",
  minInstances: 0,
  maxInstances: 1,
  pollingInterval: "PT2S",
  targetUtilizationPercentage: 60,
  idleTime: "PT1M30S",
};
const asleep = deployment(SETTINGS, 1);
const byHand = deployment({ scaleType: "Default" });

describe("scaling", () => {
  it("is entered as it is, and what is saved unchanged is as it was", () => {
    expect(scalingOf(asleep)).toEqual({ mode: "zero", count: "1", idleSeconds: "90" });
    expect(bodyOf(scalingOf(asleep), asleep).properties.scaleSettings).toEqual({ ...SETTINGS, idleTime: "PT90S" });
  });

  it("by hand is a number alone", () => {
    expect(scalingOf(byHand)).toEqual({ mode: "hand", count: "2", idleSeconds: "300" });
    expect(bodyOf({ ...scalingOf(asleep), mode: "hand", count: "4" }, asleep)).toEqual({
      sku: { capacity: 4 },
      properties: { scaleSettings: { scaleType: "Default" } },
    });
  });

  it("to zero is of one instance, with an idle time", () => {
    expect(bodyOf({ ...scalingOf(byHand), mode: "zero", idleSeconds: "30" }, byHand)).toEqual({
      sku: { capacity: 1 },
      properties: {
        scaleSettings: { scaleType: "TargetUtilization", minInstances: 0, maxInstances: 1, idleTime: "PT30S" },
      },
    });
  });

  it("has bounds, of what is asked alone", () => {
    expect(problemsOf({ mode: "hand", count: "0", idleSeconds: "1" })).toEqual({
      count: "Enter a whole number from 1 to 50.",
    });
    expect(problemsOf({ mode: "zero", count: "0", idleSeconds: "1.5" })).toEqual({
      idleSeconds: "Enter a whole number from 5 to 86,400.",
    });
    expect(problemsOf({ mode: "zero", count: "0", idleSeconds: "5" })).toEqual({});
  });

  it("is spoken", () => {
    expect(spokenScale({ scaleType: "Default" })).toBe("By hand");
    expect(spokenScale({ ...SETTINGS, minInstances: 2, maxInstances: 2 })).toBe("By hand");
    expect(spokenScale(SETTINGS)).toBe("To zero after 1 min 30 s without a request, and back for the next one");
  });
});
