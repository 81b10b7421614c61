/** How many instances a deployment has: a number, or one that sleeps when nobody asks it. Pure. */

import type { Deployment, ScaleSettings } from "../../../api/endpoints";
import { MOST_INSTANCES } from "../../deploy/quota";
import { spokenDuration } from "../../endpoints/words";

/** As it is entered: numbers as they are typed. */
export type Scaling = { mode: "hand" | "zero"; count: string; idleSeconds: string };
export type ScalingField = Exclude<keyof Scaling, "mode">;

const DEFAULT_IDLE_S = 300;

/** Whether its instance ends when nobody asks it. */
export function sleeps({ scaleType, minInstances }: ScaleSettings): boolean {
  return scaleType === "TargetUtilization" && minInstances === 0;
}

/** What is there, and what one who turns to scaling to zero finds. */
export function scalingOf({ properties: { scaleSettings }, sku }: Deployment): Scaling {
  return {
    mode: sleeps(scaleSettings) ? "zero" : "hand",
    count: String(sku.capacity),
    idleSeconds: String(secondsOf(scaleSettings.idleTime) ?? DEFAULT_IDLE_S),
  };
}

/** What of the deployment's body says so. before: what is there, whose other fields stay. */
export function bodyOf(scaling: Scaling, { properties: { scaleSettings: before } }: Deployment) {
  if (scaling.mode === "hand") {
    const settings: ScaleSettings = { scaleType: "Default" };
    return { sku: { capacity: Number(scaling.count) }, properties: { scaleSettings: settings } };
  }
  const settings: ScaleSettings = {
    ...(sleeps(before) && before),
    scaleType: "TargetUtilization",
    minInstances: 0,
    maxInstances: 1,
    idleTime: `PT${Number(scaling.idleSeconds)}S`,
  };
  return { sku: { capacity: 1 }, properties: { scaleSettings: settings } };
}

/** Field, in which mode it is asked, the least and the most it may be. */
const BOUNDS: readonly [ScalingField, Scaling["mode"], number, number][] = [
  ["count", "hand", 1, MOST_INSTANCES],
  ["idleSeconds", "zero", 5, 86_400],
];

/** What is wrong with which field; {} when nothing is. */
export function problemsOf(scaling: Scaling): Partial<Record<ScalingField, string>> {
  const wrong = BOUNDS.filter(
    ([field, mode, least, most]) => mode === scaling.mode && !isWithin(scaling[field], least, most),
  );
  return Object.fromEntries(
    wrong.map(([field, , least, most]) => [
      field,
      `Enter a whole number from ${least} to ${most.toLocaleString("en")}.`,
    ]),
  );
}

/** `By hand`; `To zero after 5 min without a request, and back for the next one`. */
export function spokenScale(settings: ScaleSettings): string {
  if (!sleeps(settings)) return "By hand";
  return `To zero after ${spokenDuration(settings.idleTime ?? "")} without a request, and back for the next one`;
}

function isWithin(text: string, least: number, most: number): boolean {
  return /^\d+$/.test(text.trim()) && Number(text) >= least && Number(text) <= most;
}

function secondsOf(duration: string | undefined): number | null {
  const found = /^PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$/.exec(duration ?? "");
  if (!found) return null;
  const [hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((each) => Number(each ?? 0));
  return Math.round(hours * 3600 + minutes * 60 + seconds);
}
