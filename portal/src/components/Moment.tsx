import { Tooltip } from "@fluentui/react-components";
import { useEffect, useState } from "react";

const STEPS = [
  [60, "second"],
  [3600, "minute", 60],
  [86_400, "hour", 3600],
  [30 * 86_400, "day", 86_400],
] as const;
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** How long ago, or until then; the whole date and time when pointed at. at: ISO 8601. */
export function Moment({ at }: { at: string | undefined }) {
  useTicks();
  if (!at) return <>–</>;
  const time = new Date(at);
  return (
    <Tooltip content={time.toLocaleString()} relationship="description">
      <time dateTime={at}>{ago(time, new Date())}</time>
    </Tooltip>
  );
}

export function ago(time: Date, now: Date): string {
  const seconds = Math.round((time.getTime() - now.getTime()) / 1000);
  if (Math.abs(seconds) < 5) return "just now";
  for (const [below, unit, size] of STEPS) {
    if (Math.abs(seconds) < below) return words.format(Math.trunc(seconds / (size ?? 1)), unit);
  }
  return time.toLocaleDateString();
}

/** Drawn anew twice a minute. */
function useTicks(): void {
  const [, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((tick) => tick + 1), 30_000);
    return () => clearInterval(timer);
  }, []);
}
