/** A deployment's metrics in Azure Monitor's form, as lines that can be drawn. Pure. */

export type Point = { timeStamp: string; average?: number; maximum?: number; total?: number };
export type Metric = {
  name: { value: string };
  unit: "Percent" | "Count";
  timeseries: { data: Point[] }[];
};
export type MetricsAnswer = { timespan: string; value: Metric[] };
/** values: one a minute, null where nothing was measured. */
export type Line = { name: string; unit: Metric["unit"]; values: (number | null)[]; latest: number | null };

const MINUTE_MS = 60_000;
export const TITLES: Record<string, string> = {
  CpuUtilizationPercentage: "CPU",
  CpuMemoryUtilizationPercentage: "Memory",
  DiskUtilization: "Disk",
  RequestsPerMinute: "Requests per minute",
};

/** A minute in which no request came is one with none; one in which nobody measured is unknown. */
export function lineOf({ name, unit, timeseries }: Metric, timespan: string): Line {
  const [since = "", until = ""] = timespan.split("/");
  const first = Math.floor(Date.parse(since) / MINUTE_MS);
  const count = Math.max(1, Math.floor(Date.parse(until) / MINUTE_MS) - first + 1);
  const values: (number | null)[] = Array.from({ length: count }, () => (unit === "Count" ? 0 : null));
  for (const point of timeseries[0]?.data ?? []) {
    const index = Math.floor(Date.parse(point.timeStamp) / MINUTE_MS) - first;
    if (index >= 0 && index < count) values[index] = point.total ?? point.average ?? null;
  }
  const latest = values.findLast((value) => value !== null) ?? null;
  return { name: name.value, unit, values, latest };
}

/** The line in a box of that size; it breaks where a value is missing. */
export function pathOf({ values, unit }: Line, width: number, height: number): string {
  const most = unit === "Percent" ? 100 : Math.max(1, ...values.map((value) => value ?? 0));
  const step = width / Math.max(1, values.length - 1);
  let drawing = false;
  return values
    .map((value, index) => {
      if (value === null) {
        drawing = false;
        return "";
      }
      const word = `${drawing ? "L" : "M"}${round(index * step)} ${round(height - (Math.min(value, most) / most) * height)}`;
      drawing = true;
      return word;
    })
    .join("");
}

export function spokenValue(value: number | null, unit: Metric["unit"]): string {
  if (value === null) return "Not measured";
  return unit === "Percent" ? `${Math.round(value)} %` : value.toLocaleString("en");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
