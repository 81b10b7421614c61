import { describe, expect, it } from "vitest";
import { lineOf, type Metric, pathOf, spokenValue } from "./metrics";

const SPAN = "2026-11-29T10:00:10Z/2026-11-29T10:03:10Z";
const metric = (unit: Metric["unit"], data: object[]): Metric =>
  ({ name: { value: "M" }, unit, timeseries: data.length > 0 ? [{ data }] : [] }) as Metric;

describe("a metric", () => {
  it("has a value for each minute", () => {
    const line = lineOf(metric("Count", [{ timeStamp: "2026-11-29T10:01:00Z", total: 4, average: 4 }]), SPAN);
    expect(line.values).toEqual([0, 4, 0, 0]);
    expect(line.latest).toBe(0);
  });

  it("is unknown where nobody measured", () => {
    const data = [
      { timeStamp: "2026-11-29T10:00:00Z", average: 50 },
      { timeStamp: "2026-11-29T10:02:00Z", average: 25 },
    ];
    const line = lineOf(metric("Percent", data), SPAN);
    expect(line.values).toEqual([50, null, 25, null]);
    expect(line.latest).toBe(25);
    expect(pathOf(line, 30, 10)).toBe("M0 5M20 7.5");
    expect(lineOf(metric("Percent", []), SPAN).latest).toBeNull();
  });

  it("is spoken with its unit", () => {
    expect(spokenValue(49.6, "Percent")).toBe("50 %");
    expect(spokenValue(1200, "Count")).toBe("1,200");
    expect(spokenValue(null, "Percent")).toBe("Not measured");
  });
});
