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
import { FocusBack } from "../../../components/useFocusBack";
import type { WorkingCopy } from "./useWorkingCopy";

type Props = { copy: WorkingCopy; save: () => Promise<boolean> };

/** Asks before somebody leaves with changes that are not saved. */
export function LeaveDialog({ copy, save }: Props) {
  const blocker = useBlocker({
    // Another file of this flow is no other page.
    shouldBlockFn: ({ current, next }) => copy.isDirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => copy.isDirty,
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  const saveAndLeave = async () => {
    if (await save()) blocker.proceed();
    else blocker.reset();
  };
  return (
    <Dialog open modalType="alert">
      <DialogSurface>
        <FocusBack />
        <DialogBody>
          <DialogTitle>Leave without saving?</DialogTitle>
          <DialogContent>Not saved: {Object.keys(copy.drafts).join(", ")}</DialogContent>
          <DialogActions fluid>
            <Button onClick={() => blocker.reset()}>Stay</Button>
            <Button onClick={() => blocker.proceed()}>Leave without saving</Button>
            <Button appearance="primary" disabled={copy.saving} onClick={() => void saveAndLeave()}>
              Save and leave
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
