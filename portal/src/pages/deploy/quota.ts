/** What a deployment takes of the workspace's cores: as the server counts it. */

const RESERVE_PERCENT = 20;
/** Accelerators for which nothing is reserved. */
const WITHOUT_RESERVE = /A100|H100|H200|^(standard_)?nd/i;
export const MOST_INSTANCES = 50;
/** From so many on, an upgrade or a failure leaves enough that answer. */
export const ADVISED_INSTANCES = 3;

export type Size = { name: string; cores: number; memoryGiB: number; gpus: number };

/** Instances that count: those asked for, and the reserve for upgrades. */
export function counted(size: string, instances: number): number {
  return WITHOUT_RESERVE.test(size) ? instances : Math.ceil((instances * (100 + RESERVE_PERCENT)) / 100);
}

export function coresTaken(size: Size, instances: number): number {
  return counted(size.name, instances) * size.cores;
}

/** How many instances so many cores are enough for. */
export function instancesThatFit(size: Size, cores: number): number {
  let count = Math.min(MOST_INSTANCES, Math.max(0, Math.floor(cores / size.cores)));
  while (count > 0 && coresTaken(size, count) > cores) count -= 1;
  return count;
}

/** `2 instances + 20 % for upgrades = 3 × 4 cores = 12 cores`. */
export function sumOf(size: Size, instances: number): string {
  const reserve = counted(size.name, instances) > instances ? ` + ${RESERVE_PERCENT} % for upgrades` : "";
  const [asked, cores] = [plural(instances, "instance"), plural(size.cores, "core")];
  return `${asked}${reserve} = ${counted(size.name, instances)} × ${cores} = ${plural(coresTaken(size, instances), "core")}`;
}

/** What is wrong with the number, "" when nothing is. left: cores that this deployment may take. */
export function countProblem(text: string, size: Size | undefined, left: number): string {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > MOST_INSTANCES) {
    return `Enter a whole number from 1 to ${MOST_INSTANCES}.`;
  }
  if (!size || coresTaken(size, count) <= left) return "";
  const fit = instancesThatFit(size, left);
  const most = fit ? `At most ${plural(fit, "instance")} of this size fit.` : "Not one instance of this size fits.";
  return `${sumOf(size, count)}, and ${plural(left, "core")} of the quota are left. ${most}`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
