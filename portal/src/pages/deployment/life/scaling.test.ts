import { describe, expect, it } from "vitest";
import type { Deployment, ScaleSettings } from "../../../api/endpoints";
import { bodyOf, followsLoad, problemsOf, type Scaling, scalingOf, spokenReason, spokenScale } from "./scaling";

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
const LOAD: Scaling = { mode: "load", count: "1", idleSeconds: "300", least: "1", most: "5", target: "70" };
const asleep = deployment(SETTINGS, 1);
const byHand = deployment({ scaleType: "Default" });

describe("scaling", () => {
  it("is entered as it is, and what is saved unchanged is as it was", () => {
    expect(scalingOf(asleep)).toMatchObject({ mode: "zero", count: "1", idleSeconds: "90" });
    expect(bodyOf(scalingOf(asleep), asleep).properties.scaleSettings).toEqual({ ...SETTINGS, idleTime: "PT90S" });
  });

  it("by hand is a number alone", () => {
    expect(scalingOf(byHand)).toMatchObject({ mode: "hand", count: "2", idleSeconds: "300" });
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
    expect(problemsOf({ ...LOAD, mode: "hand", count: "0", idleSeconds: "1" })).toEqual({
      count: "Enter a whole number from 1 to 50.",
    });
    expect(problemsOf({ ...LOAD, mode: "zero", count: "0", idleSeconds: "1.5" })).toEqual({
      idleSeconds: "Enter a whole number from 5 to 86,400.",
    });
    expect(problemsOf({ ...LOAD, mode: "zero", count: "0", idleSeconds: "5" })).toEqual({});
    expect(Object.keys(problemsOf({ ...LOAD, least: "-1", most: "51", target: "0" }))).toEqual([
      "least",
      "most",
      "target",
    ]);
    expect(problemsOf({ ...LOAD, least: "3", most: "3" })).toEqual({ most: "Enter more than the least." });
    expect(problemsOf(LOAD)).toEqual({});
  });

  it("by load is between two numbers, and keeps the present one and what is not asked", () => {
    const range = { minInstances: 1, maxInstances: 5, targetUtilizationPercentage: 70 };
    const settings = { scaleType: "TargetUtilization", ...range } as const;
    expect(bodyOf(LOAD, byHand)).toEqual({ sku: { capacity: 2 }, properties: { scaleSettings: settings } });
    const busy = deployment({ ...SETTINGS, maxInstances: 4 }, 3);
    expect(scalingOf(busy)).toMatchObject({ mode: "load", least: "0", most: "4", target: "60" });
    expect(bodyOf(scalingOf(busy), busy)).toEqual({ sku: busy.sku, properties: busy.properties });
    expect([SETTINGS, { ...SETTINGS, maxInstances: 2 }].map(followsLoad)).toEqual([false, true]);
  });

  it("says why there are as many", () => {
    const of = (scaling?: object) => spokenReason({ ...byHand.properties, ...(scaling && { scaling }) });
    expect([of(), of({ reason: "utilisation 90 %: 1 → 2" })]).toEqual(["", "utilisation 90 %: 1 → 2"]);
    expect(of({ reason: "1 → 2", refused: "The quota is used up." })).toBe("1 → 2. The quota is used up.");
  });

  it("is spoken", () => {
    expect(spokenScale(deployment({ scaleType: "Default" }).properties)).toBe("By hand");
    expect(spokenScale(deployment({ ...SETTINGS, minInstances: 2, maxInstances: 2 }).properties)).toBe("By hand");
    expect(spokenScale(deployment({ ...SETTINGS, maxInstances: 5 }).properties)).toBe(
      "By load: 0 to 5 instances, to be 60 % utilised",
    );
    const driven = {
      ...deployment({ scaleType: "Default" }).properties,
      scaling: { autoscaleSetting: "/x/settings/rules" },
    };
    expect(spokenScale(driven)).toBe("By the autoscale setting rules");
    expect(spokenScale(deployment(SETTINGS).properties)).toBe(
      "To zero after 1 min 30 s without a request, and back for the next one",
    );
  });
});
