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
  MessageBar,
  MessageBarBody,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import { useState } from "react";
import { CopyButton } from "../../components/CopyButton";
import { useFocusBack } from "../../components/useFocusBack";

export type Secret = { name: string; clientId: string; secret: string };

const useStyles = makeStyles({ content: { display: "grid", gap: tokens.spacingVerticalM } });

/** A secret, this once: it is nowhere but here, and gone when this closes. */
export function SecretDialog({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  const styles = useStyles();
  useFocusBack();
  const [shown, setShown] = useState(false);
  const login = `flowstead login ${location.origin} --client-id ${secret.clientId}`;
  return (
    <Dialog open modalType="alert" onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>The secret of {secret.name}</DialogTitle>
          <DialogContent className={styles.content}>
            <MessageBar intent="warning" layout="multiline">
              <MessageBarBody>
                Copy it now. It is not shown again; a new one takes its place by Reset secret.
              </MessageBarBody>
            </MessageBar>
            <Field label="Client id">
              <Input
                readOnly
                value={secret.clientId}
                contentAfter={<CopyButton text={secret.clientId} what="client id" />}
              />
            </Field>
            <Field label="Secret">
              <Input
                readOnly
                type={shown ? "text" : "password"}
                value={secret.secret}
                autoComplete="off"
                contentAfter={<CopyButton text={secret.secret} what="secret" />}
              />
            </Field>
            <Button onClick={() => setShown(!shown)}>{shown ? "Hide" : "Show"} the secret</Button>
            <Field label="To sign in on a command line" hint="It asks for the secret.">
              <Input readOnly value={login} contentAfter={<CopyButton text={login} what="command" />} />
            </Field>
          </DialogContent>
          <DialogActions>
            <Button appearance="primary" onClick={onClose}>
              Done
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
