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

/** Asks before what was entered is lost. */
export function Leaving({ entered }: { entered: boolean }) {
  const blocker = useBlocker({
    // From page to page of the wizard nothing is lost.
    shouldBlockFn: ({ current, next }) => entered && current.pathname !== next.pathname,
    enableBeforeUnload: () => entered,
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  return (
    <Dialog open modalType="alert">
      <DialogSurface>
        <DialogBody>
          <DialogTitle>Leave without deploying?</DialogTitle>
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
