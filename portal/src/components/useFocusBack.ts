import { useEffect, useState } from "react";

/** For what lies above the page while it is mounted: when it goes, the focus is again where it was. */
export function useFocusBack(): void {
  const [before] = useState(() => lasting(document.activeElement));
  useEffect(
    () => () => {
      // After it has gone: what still covers the page would catch the focus.
      requestAnimationFrame(() => {
        // Unless it has led to another page, whose title has the focus.
        if (before?.isConnected && document.activeElement?.tagName !== "H1") before.focus();
      });
    },
    [before],
  );
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
