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
  CannotRun: "Cannot run",
};

/** `Killed, SIGKILL`; `Ended, exit code 1`. */
export function spokenEnd({ reason, exitCode, signal }: End): string {
  return `${REASONS[reason] ?? reason}, ${signal ?? `exit code ${exitCode}`}`;
}
