import { expect, it } from "vitest";
import { spokenDuration } from "./words";

it("durations are spoken", () => {
  expect(spokenDuration("PT1M30S")).toBe("1 min 30 s");
  expect(spokenDuration("PT0.5S")).toBe("500 ms");
  expect(spokenDuration("PT90S")).toBe("90 s");
  expect(spokenDuration("PT2H")).toBe("2 h");
  expect(spokenDuration("PT0S")).toBe("0 s");
  expect(spokenDuration("P1D")).toBe("P1D");
});
