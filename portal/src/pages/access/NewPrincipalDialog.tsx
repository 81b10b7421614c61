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
  Radio,
  RadioGroup,
  tokens,
} from "@fluentui/react-components";
import { useState } from "react";
import { ask, type Principal } from "../../api/access";
import { noteChange, PRINCIPALS } from "../../api/queries";
import { Failure } from "../../components/states";
import type { Secret } from "./SecretDialog";

const useStyles = makeStyles({ content: { display: "grid", gap: tokens.spacingVerticalM } });

type Props = { onCreated: (secret: Secret) => void; onClose: () => void };

export function NewPrincipalDialog({ onCreated, onClose }: Props) {
  const styles = useStyles();
  const [name, setName] = useState("");
  const [type, setType] = useState("User");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      const id = `${PRINCIPALS}/${encodeURIComponent(name)}`;
      const made = await ask<Principal & { properties: { clientSecret?: string } }>("PUT", id, {
        properties: { type },
      });
      noteChange(id);
      const secret = made.properties.clientSecret;
      if (!secret) throw new Error(`${name} is here already. Choose another name, or reset its secret.`);
      onCreated({ name: made.name, clientId: made.properties.clientId, secret });
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
            <DialogTitle>Create a principal</DialogTitle>
            <DialogContent className={styles.content}>
              <Field label="Type">
                <RadioGroup value={type} onChange={(_, { value }) => setType(value)}>
                  <Radio value="User" label="User: a person" />
                  <Radio value="ServicePrincipal" label="Service principal: a program" />
                </RadioGroup>
              </Field>
              <Field
                label="Name"
                required
                hint="2 to 120 letters, digits and . _ @ -. It may nothing until it gets a role."
              >
                <Input value={name} onChange={(_, { value }) => setName(value)} autoComplete="off" />
              </Field>
              {failure !== null && <Failure failure={failure} title="The principal was not created." />}
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>Cancel</Button>
              <Button type="submit" appearance="primary" disabled={busy || !name}>
                Create
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
