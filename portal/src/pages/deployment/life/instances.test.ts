import { expect, it } from "vitest";
import { spokenEnd, spokenEnforcement, spokenSize, spokenState } from "./instances";

const known = { state: "Ready", revision: "r", restarts: 0 };

it("a size is spoken, fractions too", () => {
  expect(spokenSize({ ...known, cores: 4, memoryBytes: 8 * 1024 ** 3, gpus: 0 })).toBe("4 cores, 8 GiB memory");
  expect(spokenSize({ ...known, cores: 0.25, memoryBytes: 256 * 1024 ** 2 })).toBe("0.25 cores, 0.25 GiB memory");
  expect(spokenSize({ ...known, cores: 1, memoryBytes: 1024 ** 3, gpus: 1 })).toBe("1 core, 1 GiB memory, 1 GPU");
  expect(spokenSize(known)).toBe("");
});

it("by what it is held to that is said, and that it is not", () => {
  expect(spokenEnforcement({ ...known, enforcement: "cgroup v2" })).toBe("Held to it by cgroup v2");
  expect(spokenEnforcement({ ...known, enforcement: "none" })).toContain("Not held to it");
  expect(spokenEnforcement(known)).toBe("");
});

it("an end is spoken, by signal or by exit code", () => {
  const end = { at: "", message: "" };
  expect(spokenEnd({ ...end, reason: "OutOfMemory", exitCode: -9, signal: "SIGKILL" })).toBe("Out of memory, SIGKILL");
  expect(spokenEnd({ ...end, reason: "Error", exitCode: 1 })).toBe("Ended, exit code 1");
  expect(spokenEnd({ ...end, reason: "Unresponsive", exitCode: -6, signal: "SIGABRT" })).toBe(
    "Did not answer, SIGABRT",
  );
  expect(spokenEnd({ ...end, reason: "Signal", exitCode: -9, signal: "SIGKILL" })).toBe("Killed, SIGKILL");
});

it("a state that does not say it by itself is explained", () => {
  expect(spokenState("Dormant")).toBe("asleep until a request comes");
  expect(spokenState("Ready")).toBe("");
});
