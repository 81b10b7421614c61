import { type ComponentType, lazy } from "react";

const PAUSE_MS = 1000;

/** A part of the portal that is loaded when it is first shown. One whose file cannot be had while the server is away
 * comes when it is back. */
export function lazily<Props>(load: () => Promise<{ default: ComponentType<Props> }>) {
  return lazy(async () => {
    for (;;) {
      try {
        return await load();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        // Browsers remember that a file could not be had, and after an upgrade it has another name: a new start of the
        // portal knows both.
        const health = await fetch("/health", { cache: "no-store" }).catch(() => null);
        if (health?.ok) location.reload();
      }
    }
  });
}
