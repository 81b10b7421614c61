/** What a failed deployment says of the flow's files. */

export type Fault = { code: string; message: string };

/** Failures by what the files hold: the same files once more fail again. */
const BY_ITS_FILES = new Set(["ImageBuildFailure", "FlowInvalid", "UserScriptInitFailed", "UserScriptImportError"]);

export function isByItsFiles(fault: Fault | undefined): fault is Fault {
  return fault !== undefined && BY_ITS_FILES.has(fault.code);
}

/** The file that is named last, as a traceback ends where it broke; "" when none is. */
export function fileNamed(message: string, paths: readonly string[]): string {
  let [named, place] = ["", -1];
  for (const path of paths) {
    const at = lastOf(message, path);
    // Of `a/say.py` and `say.py`, which both end there, the longer one is meant.
    if (at > place || (at === place && at >= 0 && path.length > named.length)) [named, place] = [path, at];
  }
  return named;
}

/** Where its last mention ends, as a path of its own or the end of a longer one; -1 for none. */
function lastOf(message: string, path: string): number {
  const escaped = path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const mention = new RegExp(`(?<![\\w.-])${escaped}(?![\\w-]|[./]\\w)`, "g");
  return [...message.matchAll(mention)].reduce((last, { index }) => Math.max(last, index + path.length), -1);
}
