import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
} from "@fluentui/react-components";
import { useBlocker } from "@tanstack/react-router";
import { FocusBack } from "./useFocusBack";

/** Asks before what was entered is lost. */
export function Leaving({ entered, question }: { entered: boolean; question: string }) {
  const blocker = useBlocker({
    // Another part of the same page, such as the next page of the wizard, loses nothing.
    shouldBlockFn: ({ current, next }) => entered && current.pathname !== next.pathname,
    enableBeforeUnload: () => entered,
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  return (
    <Dialog open modalType="alert">
      <DialogSurface>
        <FocusBack />
        <DialogBody>
          <DialogTitle>{question}</DialogTitle>
          <DialogContent>What you have entered will be lost.</DialogContent>
          <DialogActions>
            <Button appearance="primary" onClick={blocker.reset}>
              Stay
            </Button>
            <Button onClick={blocker.proceed}>Leave</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
