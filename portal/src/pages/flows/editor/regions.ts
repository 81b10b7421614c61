/** The parts of the editor: what lies below the code, and what a narrow screen shows one at a time; each in its order. */

import { useSyncExternalStore } from "react";

export const PANELS = [
  { id: "problems", label: "Problems" },
  { id: "signature", label: "Inputs and outputs" },
  { id: "connections", label: "Connections" },
  { id: "run", label: "Node results" },
  { id: "versions", label: "Versions" },
] as const;
export type PanelId = (typeof PANELS)[number]["id"];

export const REGIONS = [
  { id: "graph", label: "Graph" },
  { id: "code", label: "Code" },
  { id: "test", label: "Test" },
  { id: "details", label: "Details" },
] as const;
export type RegionId = (typeof REGIONS)[number]["id"];

const narrow = matchMedia("(max-width: 900px)");

/** Whether there is room for one region only. */
export function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      narrow.addEventListener("change", listener);
      return () => narrow.removeEventListener("change", listener);
    },
    () => narrow.matches,
  );
}
