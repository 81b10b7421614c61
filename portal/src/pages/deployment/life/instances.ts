/** What is told of an instance, in words. Pure. */

import type { End, Instance } from "../../../api/endpoints";
import { plural } from "../../deploy/quota";

const GIB = 1024 ** 3;

/** `4 cores, 8 GiB memory`; "" when it is not known. */
export function spokenSize({ cores, memoryBytes, gpus }: Instance["properties"]): string {
  if (cores === undefined || memoryBytes === undefined) return "";
  const memory = `${Number((memoryBytes / GIB).toFixed(2))} GiB memory`;
  return [plural(cores, "core"), memory, gpus && plural(gpus, "GPU")].filter(Boolean).join(", ");
}

/** What is meant by a state that does not say it by itself; "" for the others. */
export function spokenState(state: string): string {
  return MEANINGS[state] ?? "";
}

const MEANINGS: Record<string, string> = {
  Dormant: "asleep until a request comes",
  Waking: "started for a request that waits",
  Restarting: "ended, or does not answer",
  Failed: "cannot start, or ends too often",
  Stopping: "finishes what it has begun",
  Lost: "nothing watches it: another takes its place",
};

/** By what it is held to its size. */
export function spokenEnforcement({ enforcement = "" }: Instance["properties"]): string {
  if (enforcement === "none") return "Not held to it: this host has no means for that.";
  return enforcement && `Held to it by ${enforcement}`;
}

const REASONS: Record<string, string> = {
  OutOfMemory: "Out of memory",
  Error: "Ended",
  Signal: "Killed",
  LivenessProbeFailed: "Liveness probe failed",
  Unresponsive: "Did not answer",
  CannotRun: "Cannot run",
};

/** `Killed, SIGKILL`; `Ended, exit code 1`. */
export function spokenEnd({ reason, exitCode, signal }: End): string {
  return `${REASONS[reason] ?? reason}, ${signal ?? `exit code ${exitCode}`}`;
}
