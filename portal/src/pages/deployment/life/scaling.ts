/** How many instances a deployment has: a number, one that sleeps when nobody asks it, or what the load takes. Pure. */

import type { Deployment, ScaleSettings } from "../../../api/endpoints";
import { MOST_INSTANCES } from "../../deploy/quota";
import { spokenDuration } from "../../endpoints/words";

/** As it is entered: numbers as they are typed. target: percent of the requests that an instance runs at once. */
export type Scaling = {
  mode: "hand" | "zero" | "load";
  count: string;
  idleSeconds: string;
  least: string;
  most: string;
  target: string;
};
export type ScalingField = Exclude<keyof Scaling, "mode">;

const DEFAULT_IDLE_S = 300;
const DEFAULT_TARGET = 70;

/** Whether its instances end when nobody asks them. */
export function sleeps({ scaleType, minInstances }: ScaleSettings): boolean {
  return scaleType === "TargetUtilization" && minInstances === 0;
}

/** Whether the number of its instances follows the load. */
export function followsLoad({ scaleType, minInstances = 1, maxInstances = 1 }: ScaleSettings): boolean {
  return scaleType === "TargetUtilization" && maxInstances > Math.max(1, minInstances);
}

/** Whether somebody else than the one who edits it says how many there are. */
export function isScaled(settings: ScaleSettings): boolean {
  return sleeps(settings) || followsLoad(settings);
}

/** What is there, and what one who turns to scaling to zero finds. */
export function scalingOf({ properties: { scaleSettings }, sku }: Deployment): Scaling {
  return {
    mode: followsLoad(scaleSettings) ? "load" : sleeps(scaleSettings) ? "zero" : "hand",
    count: String(sku.capacity),
    idleSeconds: String(secondsOf(scaleSettings.idleTime) ?? DEFAULT_IDLE_S),
    least: String(scaleSettings.minInstances ?? 1),
    most: String(Math.max(scaleSettings.maxInstances ?? 1, sku.capacity, 2)),
    target: String(scaleSettings.targetUtilizationPercentage ?? DEFAULT_TARGET),
  };
}

/** What of the deployment's body says so. before: what is there, whose other fields stay. */
export function bodyOf(scaling: Scaling, { sku, properties: { scaleSettings: before } }: Deployment) {
  if (scaling.mode === "hand") {
    const settings: ScaleSettings = { scaleType: "Default" };
    return { sku: { capacity: Number(scaling.count) }, properties: { scaleSettings: settings } };
  }
  if (scaling.mode === "load") {
    const settings: ScaleSettings = {
      ...(before.scaleType === "TargetUtilization" && before),
      scaleType: "TargetUtilization",
      minInstances: Number(scaling.least),
      maxInstances: Number(scaling.most),
      targetUtilizationPercentage: Number(scaling.target),
    };
    return { sku: { capacity: sku.capacity }, properties: { scaleSettings: settings } };
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
  ["least", "load", 0, MOST_INSTANCES],
  ["most", "load", 2, MOST_INSTANCES],
  ["target", "load", 1, 100],
];

/** What is wrong with which field; {} when nothing is. */
export function problemsOf(scaling: Scaling): Partial<Record<ScalingField, string>> {
  const wrong = BOUNDS.filter(
    ([field, mode, least, most]) => mode === scaling.mode && !isWithin(scaling[field], least, most),
  );
  const problems = Object.fromEntries(
    wrong.map(([field, , least, most]) => [
      field,
      `Enter a whole number from ${least} to ${most.toLocaleString("en")}.`,
    ]),
  );
  if (scaling.mode !== "load" || wrong.length > 0 || Number(scaling.least) < Number(scaling.most)) return problems;
  return { most: "Enter more than the least." };
}

/** The name of the autoscale setting that says the number, "" for none. */
function drivenBy({ scaling = {} }: Deployment["properties"]): string {
  return (scaling.autoscaleSetting ?? "").replace(/^.*\//, "");
}

/** `By the autoscale setting a`; `By hand`; `To zero after 5 min without a request, and back for the next one`; `By load: 1 to 5 instances, to be 70 %
 * utilised`. */
export function spokenScale(properties: Deployment["properties"]): string {
  const settings = properties.scaleSettings;
  const driver = drivenBy(properties);
  if (driver) return `By the autoscale setting ${driver}`;
  const { minInstances = 1, maxInstances, targetUtilizationPercentage: target = DEFAULT_TARGET } = settings;
  if (followsLoad(settings)) return `By load: ${minInstances} to ${maxInstances} instances, to be ${target} % utilised`;
  if (!sleeps(settings)) return "By hand";
  return `To zero after ${spokenDuration(settings.idleTime ?? "")} without a request, and back for the next one`;
}

/** Why there are as many as there are, and why not more; "" when nobody has changed the number yet. */
export function spokenReason({ scaling = {} }: Deployment["properties"]): string {
  return [scaling.reason, scaling.refused].filter(Boolean).join(". ");
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
