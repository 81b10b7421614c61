import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useState } from "react";
import { api, at, body, SITE } from "../../api/client";
import { noteChange } from "../../api/queries";
import { Failure } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { nested } from "./draft";
import { SecretField } from "./SecretField";
import { type Connection, secretLabel } from "./type";

const useStyles = makeStyles({ content: { display: "grid", gap: tokens.spacingVerticalM } });

type Props = { connection: Connection; deployments: number; onClose: () => void };

/** New values for the secrets that are kept. Mounted while open. */
export function RotateDialog({ connection, deployments, onClose }: Props) {
  const styles = useStyles();
  const toasts = useToasts();
  const [values, setValues] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const { authType, credentialNames } = connection.properties;
  const typed = Object.entries(values).filter(([, value]) => value);
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const properties = { credentials: nested(Object.fromEntries(typed)) };
      const params = { path: at({ connection: connection.name }) };
      await body(api.PATCH(`${SITE}/connections/{connection}`, { params, body: { properties } as never }));
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
      return;
    }
    noteChange(connection.id);
    toasts.done(`The secret of ${connection.name} is replaced. ${whoIsRolled(deployments)}`);
    onClose();
  };
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface>
        <form onSubmit={submit} autoComplete="off">
          <DialogBody>
            <DialogTitle>Rotate the secret of {connection.name}</DialogTitle>
            <DialogContent className={styles.content}>
              <Text>
                {whoIsRolled(deployments)} The old instances finish their requests with the old value. What you leave
                empty stays as it is.
              </Text>
              {credentialNames.map((name) => (
                <SecretField
                  key={name}
                  label={`New ${secretLabel(authType, name)}`}
                  value={values[name] ?? ""}
                  onChange={(value) => setValues({ ...values, [name]: value })}
                />
              ))}
              {failure !== null && <Failure failure={failure} />}
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>Cancel</Button>
              <Button type="submit" appearance="primary" disabled={busy || typed.length === 0}>
                Rotate
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}

function whoIsRolled(deployments: number): string {
  if (deployments === 0) return "No deployment uses it now.";
  return deployments === 1
    ? "The deployment that uses it starts new instances with the new value."
    : `The ${deployments} deployments that use it start new instances with the new value.`;
}
