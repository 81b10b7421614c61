/** Going back to what a deployment ran before. */

import { type Change, change, deploymentPath, type Revision } from "../../../api/endpoints";

export async function rollBack(endpoint: string, deployment: string, revision: number): Promise<void> {
  await change("POST", `${deploymentPath(endpoint, deployment)}/rollback`, { revision });
}

/** What becoming that one changes of what another one has, field by field. revisions: newest first. */
export function changesBetween(from: Revision, to: Revision, revisions: readonly Revision[]): Change[] {
  const [at, end] = [from, to].map((each) => revisions.findIndex(({ id }) => id === each.id)) as [number, number];
  const steps =
    at <= end
      ? // Backwards: the newest is undone first.
        revisions.slice(at, end).flatMap(({ properties }) => properties.changes.map(undone))
      : revisions
          .slice(end, at)
          .reverse()
          .flatMap(({ properties }) => properties.changes);
  const found = new Map<string, Change>();
  for (const { field, before, after } of steps) {
    const first = found.get(field);
    found.set(field, { field, before: first ? first.before : before, after });
  }
  return [...found.values()].filter(isOne);
}

function undone({ field, before, after }: Change): Change {
  return { field, before: after, after: before };
}

/** What made a revision and does not come back by going back: the version of Flowstead, and when instances sleep. */
const STAYS = ["runtime", "scaleSettings.idleTime"];

/** A secret is shown as a mask, whatever it is. */
function isOne({ field, before, after }: Change): boolean {
  if (STAYS.includes(field)) return false;
  const isMasked = typeof before === "string" && /^\*+$/.test(before);
  return isMasked || JSON.stringify(before) !== JSON.stringify(after);
}
