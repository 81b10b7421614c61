/** Going back to what a deployment ran before. */

import { type Change, change, deploymentPath, type Revision } from "../../../api/endpoints";

export async function rollBack(endpoint: string, deployment: string, revision: number): Promise<void> {
  await change("POST", `${deploymentPath(endpoint, deployment)}/rollback`, { revision });
}

/** What going back to that one changes of what is wanted now, field by field. revisions: newest first. */
export function changesBackTo(target: Revision, revisions: readonly Revision[]): Change[] {
  const back = new Map<string, Change>();
  for (const each of revisions.slice(
    0,
    revisions.findIndex(({ id }) => id === target.id),
  )) {
    for (const { field, before, after } of each.properties.changes) {
      // From the newest on down: the first one says what it is now, the last one what it was then.
      const now = back.get(field);
      back.set(field, { field, before: now ? now.before : after, after: before });
    }
  }
  return [...back.values()].filter(isOne);
}

/** What made a revision and does not come back by going back: the version of Flowstead, and when instances sleep. */
const STAYS = ["runtime", "scaleSettings.idleTime"];

/** A secret is shown as a mask, whatever it is. */
function isOne({ field, before, after }: Change): boolean {
  if (STAYS.includes(field)) return false;
  const isMasked = typeof before === "string" && /^\*+$/.test(before);
  return isMasked || JSON.stringify(before) !== JSON.stringify(after);
}
