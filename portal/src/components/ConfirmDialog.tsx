import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
} from "@fluentui/react-components";
import { type ReactNode, useState } from "react";
import { Failure } from "./states";

type Props = {
  /** The question, as in "Revoke all tokens of ada?". */
  title: string;
  /** The word on the button that does it. */
  verb: string;
  /** What comes of it. */
  children?: ReactNode;
  onConfirm: () => Promise<void>;
  onClose: () => void;
};

/** Asks before something that cannot be taken back at once; a refusal is shown in it. Mounted while open. */
export function ConfirmDialog({ title, verb, children, onConfirm, onClose }: Props) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const confirm = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await onConfirm();
      onClose();
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
    }
  };
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent>
            {children}
            {failure !== null && <Failure failure={failure} />}
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>Cancel</Button>
            <Button appearance="primary" disabled={busy} onClick={() => void confirm()}>
              {verb}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
