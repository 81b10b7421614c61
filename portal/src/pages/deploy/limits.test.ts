import { expect, it } from "vitest";
import { DEFAULT_LIMITS, isDefault, LIMITS, type Limits, limitProblem, limitsOf, settingsOf } from "./limits";

const limitOf = (key: keyof Limits) => LIMITS.find((limit) => limit.key === key) ?? LIMITS[0];

it("they are sent as they were read", () => {
  const settings = {
    requestTimeout: "PT1M30.5S",
    maxConcurrentRequestsPerInstance: 4,
    maxQueueWait: "PT0.25S",
    queueLength: 0,
    requestsPerSecond: 50,
  };
  const limits = limitsOf(settings);
  expect(limits).toEqual({
    timeoutSeconds: "90.5",
    concurrency: "4",
    queueLength: "0",
    queueMilliseconds: "250",
    requestsPerSecond: "50",
  });
  expect(settingsOf(limits)).toEqual({ ...settings, requestTimeout: "PT90.5S" });
  const open = { ...settings, requestTimeout: "PT90.5S", queueLength: null };
  expect(limitsOf(open).queueLength).toBe("");
  expect(settingsOf(limitsOf(open))).toEqual(open);
});

it.each<[keyof Limits, string, string]>([
  ["timeoutSeconds", "90", "1 min 30 s"],
  ["timeoutSeconds", "60", "1 min"],
  ["timeoutSeconds", "0.5", "0.5 s"],
  ["queueMilliseconds", "500", "500 ms"],
  ["queueMilliseconds", "61500", "1 min 1.5 s"],
  ["queueLength", "0", "None waits"],
  ["queueLength", "1", "1 request"],
  ["queueLength", "", "As many as run at once"],
  ["requestsPerSecond", "0", "Any number"],
  ["requestsPerSecond", "1500", "1,500"],
])("%s %s is %s", (key, value, spoken) => {
  expect(limitOf(key)?.spoken(value)).toBe(spoken);
});

it.each<[keyof Limits, string, string]>([
  ["timeoutSeconds", "0", "Enter a number from 0.001 to 300 seconds."],
  ["timeoutSeconds", "1.2345", "Enter a number from"],
  ["concurrency", "1.5", "Enter a whole number from 1 to 1,000."],
  ["queueMilliseconds", "-1", "Enter a whole number from 0 to 300,000 milliseconds."],
  ["requestsPerSecond", "", "Enter a whole number from 0 to 1,000,000."],
])("%s %j is refused", (key, value, said) => {
  const limit = limitOf(key);
  expect(limit && limitProblem(limit, value)).toContain(said);
});

it("nothing is wrong with the defaults, and they are known for what they are", () => {
  for (const limit of LIMITS) expect(limitProblem(limit, DEFAULT_LIMITS[limit.key])).toBe("");
  expect(isDefault({ ...DEFAULT_LIMITS, timeoutSeconds: "90.0" })).toBe(true);
  for (const { key } of LIMITS) expect(isDefault({ ...DEFAULT_LIMITS, [key]: "7" })).toBe(false);
  expect(isDefault({ ...DEFAULT_LIMITS, queueLength: "0" })).toBe(false);
});
