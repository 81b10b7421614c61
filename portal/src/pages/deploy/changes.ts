/** What would change in what is there, in the words of the wizard's fields. Pure. */

import type { Change } from "./plan";

/** What a field of the body is called; what stands behind it is what the pattern has caught. */
const NAMES: readonly [RegExp, string][] = [
  [/^properties\.model$/, "Model"],
  [/^properties\.environmentId$/, "Environment"],
  [/^properties\.instanceType$/, "Virtual machine"],
  [/^sku\.capacity$/, "Instance count"],
  [/^properties\.requestSettings\.requestTimeout$/, "Request time-out"],
  [/^properties\.requestSettings\.maxConcurrentRequestsPerInstance$/, "Concurrent requests per instance"],
  [/^properties\.requestSettings\.maxQueueWait$/, "Longest wait in the queue"],
  [/^properties\.environmentVariables\.(.+)$/, "Environment variable"],
  [/^properties\.dataCollector\.collections\.([^.]+)\.dataCollectionMode$/, "Inference data collection,"],
  [/^properties\.description$/, "Description"],
  [/^tags\.(.+)$/, "Tag"],
];

/** `Instance count: 2 → 1`; of traffic, `blue: 0 % → 100 %`. */
export function wordsOf({ field, before, after }: Change): string {
  const deployment = /^properties\.traffic\.(.+)$/.exec(field)?.[1];
  if (deployment) return `${deployment}: ${before ?? 0} % → ${after ?? 0} %`;
  return `${nameOf(field)}: ${said(before)} → ${said(after)}`;
}

function nameOf(field: string): string {
  for (const [pattern, name] of NAMES) {
    const found = pattern.exec(field);
    if (found) return [name, found[1]].filter(Boolean).join(" ");
  }
  return field.replace(/^properties\./, "");
}

function said(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value !== "string") return typeof value === "object" ? JSON.stringify(value) : String(value);
  const [, name, version] = /\/(?:models|environments)\/([^/]+)\/versions\/([^/]+)$/i.exec(value) ?? [];
  return name ? `${name}:${version}` : (timeOf(value) ?? value);
}

/** `PT1M30S` as `90 s`, `PT0.5S` as `500 ms`; null for what is no such time. */
function timeOf(text: string): string | null {
  const found = /^PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$/.exec(text);
  if (!found) return null;
  const [hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((each) => Number(each ?? 0));
  const ms = Math.round((hours * 3600 + minutes * 60 + seconds) * 1000);
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}
