import { expect, it } from "vitest";
import { spokenRate, spokenSize } from "./doorLimits";

it("an endpoint's rate is its own, or the server's", () => {
  expect(spokenRate(undefined, 0)).toBe("Any number, as the server has it");
  expect(spokenRate(undefined, 500)).toBe("500, as the server has it");
  expect(spokenRate(0, 500)).toBe("Any number");
  expect(spokenRate(1200, 500)).toBe("1,200");
});

it("a body's size is told in MiB", () => {
  expect(spokenSize(16 * 1024 ** 2)).toBe("16 MiB");
  expect(spokenSize(1.5 * 1024 ** 2)).toBe("1.5 MiB");
});
