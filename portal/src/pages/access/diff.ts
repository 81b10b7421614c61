/** What a change did to a resource, value by value. */

export type Change = { path: string; before: string | null; after: string | null };

/** Of two specifications, or of one and nothing: the values that differ, by their paths; null where there is none. */
export function changesOf(before: unknown, after: unknown): Change[] {
  const [old, now] = [flat(before), flat(after)];
  const paths = [...new Set([...old.keys(), ...now.keys()])].sort((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );
  return paths
    .map((path) => ({ path, before: old.get(path) ?? null, after: now.get(path) ?? null }))
    .filter((change) => change.before !== change.after);
}

function flat(value: unknown, path = "", found = new Map<string, string>()): Map<string, string> {
  if (value === null || value === undefined) return found;
  if (typeof value !== "object") return found.set(path, String(value));
  const parts = Array.isArray(value) ? value.map((each, at) => [`[${at}]`, each] as const) : Object.entries(value);
  for (const [name, each] of parts) {
    const glue = path && !name.startsWith("[") ? "." : "";
    flat(each, `${path}${glue}${name}`, found);
  }
  return found;
}
