import { Button, MessageBar, MessageBarActions, MessageBarBody } from "@fluentui/react-components";
import { type ReactNode, useRef, useState } from "react";

/** How a form closes: Escape or a click beside it does not throw away what was entered, it asks. */
export function useClosing(onClose: () => void): {
  /** For the form's `onInput`. */
  onInput: () => void;
  /** For the dialog's or drawer's `onOpenChange`. */
  onOpenChange: (event: unknown, data: { open: boolean }) => void;
  /** To be shown in the form, null when nothing is asked. */
  question: ReactNode;
} {
  const entered = useRef(false);
  const [asking, setAsking] = useState(false);
  const before = useRef<Element | null>(null);
  const goOn = () => {
    setAsking(false);
    if (before.current instanceof HTMLElement) before.current.focus();
  };
  return {
    onInput: () => {
      entered.current = true;
    },
    onOpenChange: (_, { open }) => {
      if (open) return;
      if (!entered.current) onClose();
      else if (!asking) {
        before.current = document.activeElement;
        setAsking(true);
      }
    },
    question: asking ? (
      <MessageBar intent="warning" layout="multiline" role="alert">
        <MessageBarBody>What you have entered is not saved.</MessageBarBody>
        <MessageBarActions>
          <Button autoFocus onClick={goOn}>
            Go on
          </Button>
          <Button onClick={onClose}>Discard it</Button>
        </MessageBarActions>
      </MessageBar>
    ) : null,
  };
}
