/** What fields of resources are called where people read of them, in the words of the forms. Pure. */

/** What a field is called; what stands behind it is what the pattern has caught. */
const NAMES: readonly [RegExp, string][] = [
  [/^model$/, "Model"],
  [/^environmentId$/, "Environment"],
  [/^instanceType$/, "Virtual machine"],
  [/^sku\.capacity$/, "Instance count"],
  [/^requestSettings\.requestTimeout$/, "Request time-out"],
  [/^requestSettings\.maxConcurrentRequestsPerInstance$/, "Concurrent requests per instance"],
  [/^requestSettings\.queueLength$/, "Queue length per instance"],
  [/^requestSettings\.maxQueueWait$/, "Longest wait in the queue"],
  [/^(?:requestSettings\.)?requestsPerSecond$/, "Requests per second"],
  [/^scaleSettings$/, "Scaling"],
  [/^scaleSettings\.idleTime$/, "Idle time before sleep"],
  [/^livenessProbe\.(.+)$/, "Liveness probe,"],
  [/^readinessProbe\.(.+)$/, "Readiness probe,"],
  [/^environmentVariables$/, "Environment variables"],
  [/^environmentVariables\.(.+)$/, "Environment variable"],
  [/^connections\.(.+)$/, "Connection"],
  [/^connections$/, "Connections"],
  [/^dataCollector\.collections\.([^.]+)\.dataCollectionMode$/, "Inference data collection,"],
  [/^description$/, "Description"],
  [/^tags\.(.+)$/, "Tag"],
];

/** field: as in the resource's body, or below its properties. */
export function nameOf(field: string): string {
  const below = field.replace(/^properties\./, "");
  for (const [pattern, name] of NAMES) {
    const found = pattern.exec(below);
    if (found) return [name, found[1]].filter(Boolean).join(" ");
  }
  return below;
}

/** What holds where the field says nothing, "" where that means what it says. */
export function saidOfNone(field: string): string {
  return field.endsWith("requestSettings.queueLength") ? "as many as run at once" : "";
}
