import { describe, expect, it } from "vitest";
import {
  type AutoscaleForm,
  type AutoscaleSetting,
  formOf,
  type Profile,
  problemsOf,
  profilesOf,
  settingOf,
  spokenBounds,
  spokenRule,
  spokenTime,
} from "./autoscale";

const BLUE = "/subscriptions/s/onlineEndpoints/chat/deployments/blue";
const first = formOf(undefined) as AutoscaleForm;
const settingWith = (...profiles: Profile[]): AutoscaleSetting => ({
  id: "a",
  name: "a",
  properties: { enabled: true, targetResourceUri: BLUE, profiles, activeProfile: null },
});
const [profile] = profilesOf(first, BLUE) as [Profile];
const [out, into] = profile.rules as [Profile["rules"][0], Profile["rules"][0]];

describe("in words", () => {
  it("bounds and rules", () => {
    expect(spokenBounds(profile)).toBe("1 to 3 instances, 1 when nothing is measured");
    expect(spokenRule(out, BLUE)).toBe("CPU > 70 % on average over 5 min: 1 instance more, then 5 min of rest");
    expect(spokenRule(into, BLUE)).toBe("CPU < 30 % on average over 10 min: 1 instance fewer, then 10 min of rest");
  });

  it("what the form does not make", () => {
    const trigger = {
      ...out.metricTrigger,
      metricName: "RequestsPerMinute",
      metricResourceUri: "/subscriptions/s/onlineEndpoints/chat",
      timeAggregation: "Total",
      operator: "GreaterThanOrEqual",
      dividePerInstance: true,
    };
    const action = { ...out.scaleAction, type: "PercentChangeCount", value: "50" };
    expect(spokenRule({ metricTrigger: trigger, scaleAction: action }, BLUE)).toBe(
      "Requests per minute of the endpoint for each instance ≥ 70 together over 5 min: 50 % more, then 5 min of rest",
    );
  });

  it("when a profile counts", () => {
    const schedule = { timeZone: "UTC", days: ["Monday", "Friday"], hours: [8, 18], minutes: [30] };
    expect(spokenTime({ ...profile, recurrence: { schedule } })).toBe("from Monday, Friday at 08:30, 18:30 on, UTC");
    expect(spokenTime(profile)).toBe("");
  });
});

describe("the form", () => {
  it("has what it makes", () => {
    const form: AutoscaleForm = { ...first, maximum: "8", out: { ...first.out, metric: "RequestLatency_P90" } };
    expect(formOf(settingWith(...profilesOf(form, BLUE)))).toEqual(form);
    const half = { ...first, in: { ...first.in, on: false } };
    expect(formOf(settingWith(...profilesOf(half, BLUE)))).toEqual(half);
  });

  it("leaves alone what says more than it can", () => {
    expect(formOf(settingWith(profile, { ...profile, name: "night" }))).toBeNull();
    const recurrence = { schedule: { timeZone: "UTC", days: ["Monday"], hours: [], minutes: [] } };
    expect(formOf(settingWith({ ...profile, recurrence }))).toBeNull();
    const others: Partial<Profile["rules"][0]["metricTrigger"]>[] = [
      { operator: "Equals" },
      { dividePerInstance: true },
      { metricResourceUri: "/other" },
      { statistic: "Max" },
      { timeWindow: "PT330S" },
    ];
    for (const other of others) {
      const rule = { ...out, metricTrigger: { ...out.metricTrigger, ...other } };
      expect(formOf(settingWith({ ...profile, rules: [rule] }))).toBeNull();
    }
    expect(formOf(settingWith({ ...profile, rules: [out, out] }))).toBeNull();
  });

  it.each<[string, Partial<AutoscaleForm>, string]>([
    ["minimum", { minimum: "0" }, "from 1 to 50"],
    ["maximum", { minimum: "4" }, "no less than the minimum"],
    ["initial", { initial: "5" }, "from 1 to 3"],
    ["out.threshold", { out: { ...first.out, threshold: "" }, in: { ...first.in, on: false } }, "Enter a number"],
    ["out.windowMinutes", { out: { ...first.out, windowMinutes: "4" } }, "from 5 to 720"],
    ["in.by", { in: { ...first.in, by: "0" } }, "from 1 to 50"],
    ["in.threshold", { in: { ...first.in, threshold: "70" } }, "Enter less than"],
  ])("says what is wrong with %s", (field, part, said) => {
    const problems = problemsOf({ ...first, ...part });
    expect(Object.keys(problems)).toEqual([field]);
    expect(problems[field]).toContain(said);
  });

  it("asks nothing of a rule that is off", () => {
    expect(problemsOf(first)).toEqual({});
    expect(problemsOf({ ...first, in: { ...first.in, on: false, threshold: "x" } })).toEqual({});
  });
});

it("a deployment's setting is found, whatever the casing", () => {
  const found = settingWith(profile);
  expect(settingOf(BLUE.toUpperCase(), [found])).toBe(found);
  expect(settingOf(`${BLUE}2`, [found])).toBeUndefined();
});
