/** How an endpoint's traffic is split, while somebody changes it. Pure. */

import type { Shares } from "../../api/endpoints";

export const MOST_MIRRORED = 50;

/** live: percent by deployment, zeros too. mirror: the deployment that gets copies, "" for none. */
export type Split = { live: Shares; mirror: string; mirrored: number };

export function splitOf(deployments: readonly string[], traffic: Shares, mirrorTraffic: Shares): Split {
  const [mirror = "", mirrored = 0] = Object.entries(mirrorTraffic)[0] ?? [];
  return { live: Object.fromEntries(deployments.map((name) => [name, traffic[name] ?? 0])), mirror, mirrored };
}

/** Of those deployments alone: what others were to get is gone with them, new ones get nothing. */
export function among(deployments: readonly string[], { live, mirror, mirrored }: Split): Split {
  const shares = Object.fromEntries(deployments.map((name) => [name, live[name] ?? 0]));
  const there = deployments.includes(mirror);
  return { live: shares, mirror: there ? mirror : "", mirrored: there ? mirrored : 0 };
}

/** Those that were to get something and are not there. */
export function goneFrom(deployments: readonly string[], { live, mirror }: Split): string[] {
  return [...Object.keys(live).filter((name) => live[name]), mirror].filter(
    (name) => name && !deployments.includes(name),
  );
}

export function totalOf({ live }: Split): number {
  return Object.values(live).reduce((total, share) => total + share, 0);
}

/** With two deployments the other one gets the rest; of more, nobody can say whose share is meant. */
export function withShare(split: Split, name: string, share: number): Split {
  const live = { ...split.live, [name]: share };
  const others = Object.keys(live).filter((each) => each !== name && each !== split.mirror);
  const [other] = others;
  if (other !== undefined && others.length === 1 && totalOf(split) === 100) live[other] = 100 - share;
  return withoutMirrorOf(name, share, { ...split, live });
}

/** So much that all of them sum to 100. */
export function withRest(split: Split, name: string): Split {
  const rest = 100 - totalOf(split) + (split.live[name] ?? 0);
  return withoutMirrorOf(name, rest, { ...split, live: { ...split.live, [name]: Math.max(0, Math.min(100, rest)) } });
}

export function withoutTraffic(split: Split): Split {
  return { ...split, live: Object.fromEntries(Object.keys(split.live).map((name) => [name, 0])) };
}

/** What is wrong with it, "" when nothing is. */
export function faultOf(split: Split): string {
  const total = totalOf(split);
  if (total !== 0 && total !== 100) return `The shares sum to ${total} %. Let them sum to 100 %, or to 0 % for none.`;
  if (split.mirror && split.mirrored === 0) return "Mirror more than 0 %, or to no deployment.";
  return "";
}

export function isSame(a: Split, b: Split): boolean {
  const names = new Set([...Object.keys(a.live), ...Object.keys(b.live)]);
  const sharesAgree = [...names].every((name) => (a.live[name] ?? 0) === (b.live[name] ?? 0));
  return sharesAgree && a.mirror === b.mirror && (a.mirror === "" || a.mirrored === b.mirrored);
}

/** The properties that a merge patch sets: zeros take a share away. before: names that have one now. */
export function patchFrom(split: Split, before: { traffic: Shares; mirrorTraffic: Shares }) {
  const zeros = (shares: Shares) => Object.fromEntries(Object.keys(shares).map((name) => [name, null]));
  const live = Object.entries(split.live).filter(([, share]) => share > 0);
  return {
    traffic: { ...zeros(before.traffic), ...Object.fromEntries(live) },
    mirrorTraffic: { ...zeros(before.mirrorTraffic), ...(split.mirror && { [split.mirror]: split.mirrored }) },
  };
}

/** A deployment cannot take live and mirrored traffic at once. */
function withoutMirrorOf(name: string, share: number, split: Split): Split {
  return share > 0 && split.mirror === name ? { ...split, mirror: "", mirrored: 0 } : split;
}
