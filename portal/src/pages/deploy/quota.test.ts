import { expect, it } from "vitest";
import { coresTaken, countProblem, instancesThatFit, sumOf } from "./quota";

const F4 = { name: "Standard_F4s_v2", cores: 4, memoryGiB: 8, gpus: 0 };
const A100 = { name: "Standard_NC24ads_A100_v4", cores: 24, memoryGiB: 220, gpus: 1 };
const ND = { name: "Standard_ND40rs_v2", cores: 40, memoryGiB: 672, gpus: 8 };

it("a fifth more is reserved, rounded up", () => {
  expect(coresTaken(F4, 1)).toBe(8);
  expect(coresTaken(F4, 10)).toBe(48);
  expect(coresTaken(F4, 5)).toBe(24);
  expect(sumOf(F4, 10)).toBe("10 instances + 20 % for upgrades = 12 × 4 cores = 48 cores");
});

it("nothing is reserved for the largest accelerators", () => {
  expect(coresTaken(A100, 2)).toBe(48);
  expect(coresTaken(ND, 2)).toBe(80);
  expect(sumOf(A100, 1)).toBe("1 instance = 1 × 24 cores = 24 cores");
});

it("ten of four cores fit in 48, eleven do not", () => {
  expect(instancesThatFit(F4, 48)).toBe(10);
  expect(countProblem("10", F4, 48)).toBe("");
  expect(countProblem("11", F4, 48)).toContain(
    "14 × 4 cores = 56 cores, and 48 cores of the quota are left. At most 10",
  );
  expect(countProblem("1", F4, 7)).toContain("Not one instance");
});

it.each(["", "0", "-1", "1.5", "51", "1e1", "two"])("%j is no number of instances", (text) => {
  expect(countProblem(text, F4, 500)).toBe("Enter a whole number from 1 to 50.");
});
