import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  Input,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import { type ReactNode, useState } from "react";
import { whileGoing } from "../api/queries";
import { Failure } from "./states";

const useStyles = makeStyles({ content: { display: "grid", gap: tokens.spacingVerticalM } });

type Props = {
  /** As in "Delete the endpoint". */
  what: string;
  /** What is to be typed. */
  name: string;
  /** Its id, or its path below the workspace. */
  resource: string;
  /** What goes with it. */
  children?: ReactNode;
  onDelete: () => Promise<void>;
  onClose: () => void;
};

/** Deleting wants the name typed. Mounted while open. */
export function DeleteDialog({ what, name, resource, children, onDelete, onClose }: Props) {
  const styles = useStyles();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await whileGoing(resource, onDelete);
      onClose();
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
    }
  };
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface>
        <form onSubmit={submit}>
          <DialogBody>
            <DialogTitle>Delete {what}?</DialogTitle>
            <DialogContent className={styles.content}>
              {children}
              <Field label={`Type ${name} to confirm`}>
                <Input value={typed} onChange={(_, { value }) => setTyped(value)} autoComplete="off" />
              </Field>
              {failure !== null && <Failure failure={failure} title="It was not deleted." />}
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>Cancel</Button>
              <Button type="submit" appearance="primary" disabled={typed !== name || busy}>
                Delete
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
