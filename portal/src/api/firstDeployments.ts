/** Deployments that are to get their endpoint's traffic once they are ready: the first ones of their endpoints, as long as
 * this browser waits for them. */

export type First = { endpoint: string; deployment: string };

const KEPT = "flowstead.firstDeployments";

export function keptFirst(): First[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

export function keepFirst(firsts: readonly First[]): void {
  if (firsts.length > 0) localStorage.setItem(KEPT, JSON.stringify(firsts));
  else localStorage.removeItem(KEPT);
}
