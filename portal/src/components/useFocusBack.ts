import { useEffect, useState } from "react";

/** For what lies above the page while it is mounted: when it goes, the focus is again where it was. */
export function useFocusBack(): void {
  const [before] = useState(() => lasting(document.activeElement));
  useEffect(
    () => () => {
      // After it has gone: what still covers the page would catch the focus.
      requestAnimationFrame(() => {
        // Unless it has led to another page, whose title has the focus, or to a dialog, which would be out of reach.
        const led = document.activeElement?.tagName === "H1" || isCovered(before);
        if (before?.isConnected && !led) before.focus();
      });
    },
    [before],
  );
}

/** Whether a dialog lies above it: with the focus on what it covers, nobody could get into that dialog any more. */
export function isCovered(element: Element | null): boolean {
  const top = [...document.querySelectorAll("[role=dialog], [role=alertdialog]")].at(-1);
  return top !== undefined && !top.contains(element);
}

/** The same from inside of a drawer that stays mounted while it is closed. */
export function FocusBack(): null {
  useFocusBack();
  return null;
}

/** The element itself, or of what is in a menu, which goes at once, the button that opened the menu. */
function lasting(element: Element | null): HTMLElement | null {
  const opener = element?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  const found = opener ? document.getElementById(opener) : element;
  return found instanceof HTMLElement ? found : null;
}
