/** Light or dark: as the person chose, else as the system says. */

import { type BrandVariants, createDarkTheme, createLightTheme, type Theme } from "@fluentui/react-components";
import { useSyncExternalStore } from "react";

const BRAND: BrandVariants = {
  10: "#020507",
  20: "#0b1b23",
  30: "#0a2d3c",
  40: "#083b50",
  50: "#074a64",
  60: "#085a78",
  70: "#0a6a8d",
  80: "#0f7aa1",
  90: "#2b8bb2",
  100: "#459bc1",
  110: "#5eabcf",
  120: "#78bbdb",
  130: "#93cae6",
  140: "#afd9ef",
  150: "#cbe7f6",
  160: "#e8f5fc",
};

const light: Theme = {
  ...createLightTheme(BRAND),
  colorBrandForeground1: BRAND[60],
  colorBrandForegroundLink: BRAND[60],
};
const dark: Theme = {
  ...createDarkTheme(BRAND),
  colorBrandForeground1: BRAND[120],
  colorBrandForegroundLink: BRAND[120],
};

export type Scheme = "light" | "dark";
const CHOICE = "flowstead.scheme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function choice(): Scheme | "system" {
  const chosen = localStorage.getItem(CHOICE);
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

function scheme(): Scheme {
  const chosen = choice();
  if (chosen !== "system") return chosen;
  return system.matches ? "dark" : "light";
}

/** null: as the system says. */
export function chooseScheme(next: Scheme | null): void {
  if (next === null) localStorage.removeItem(CHOICE);
  else localStorage.setItem(CHOICE, next);
  for (const listener of listeners) listener();
}

export function useScheme(): Scheme {
  return useSyncExternalStore(follow, scheme);
}

/** What the person chose, or "system". */
export function useChoice(): Scheme | "system" {
  return useSyncExternalStore(follow, choice);
}

function follow(listener: () => void): () => void {
  listeners.add(listener);
  system.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    system.removeEventListener("change", listener);
  };
}

export function themeOf(chosen: Scheme): Theme {
  return chosen === "dark" ? dark : light;
}
