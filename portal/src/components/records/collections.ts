/** The collections of a deployment, as groups that are shown as one table. */

import type { Source } from "./reader";
import { COLLECTED } from "./record";

export type Group = { label: string; sources: Source[] };

/** Those that tell of one request, in their order. */
const JOINED = [
  { label: "Inputs and outputs", names: { model_inputs: "Input", model_outputs: "Output" } },
  { label: "Requests and responses", names: { request: "Request", response: "Response" } },
] as const;

/** prefixes: where each collection lies, by its name. */
export function groupsOf(prefixes: ReadonlyMap<string, string>): Group[] {
  const joined = JOINED.map(({ label, names }) => ({
    label,
    sources: Object.entries(names).flatMap(([name, word]) => {
      const prefix = prefixes.get(name);
      return prefix ? [{ name, label: word, prefix }] : [];
    }),
  }));
  const known = new Set<string>(JOINED.flatMap(({ names }) => Object.keys(names)));
  const others = [...prefixes].filter(([name]) => !known.has(name));
  return [
    ...joined.filter(({ sources }) => sources.length > 0),
    ...others.map(([name, prefix]) => ({ label: name, sources: [{ name, label: name, prefix }] })),
  ];
}

export type CollectedAt = { endpoint: string; deployment: string; collection: string };

/** `modelDataCollector/e/d/model_inputs`; null for a path where nothing is collected. */
export function collectedAt(path: string): CollectedAt | null {
  const [, endpoint, deployment, collection, more] = path.split("/");
  if (!`${path}/`.startsWith(COLLECTED) || !endpoint || !deployment || !collection || more !== undefined) return null;
  return { endpoint, deployment, collection };
}

export function prefixOf({ endpoint, deployment, collection }: CollectedAt): string {
  return `${COLLECTED}${endpoint}/${deployment}/${collection}`;
}
