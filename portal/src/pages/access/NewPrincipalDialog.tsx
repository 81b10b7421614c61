import { Field, Input, Radio, RadioGroup } from "@fluentui/react-components";
import { useRef, useState } from "react";
import { ask, type Principal } from "../../api/access";
import { noteChange, PRINCIPALS } from "../../api/queries";
import { FormDialog } from "../../components/FormDialog";
import type { Secret } from "./SecretDialog";

type Props = { onCreated: (secret: Secret) => void; onClose: () => void };

export function NewPrincipalDialog({ onCreated, onClose }: Props) {
  const [name, setName] = useState("");
  const [type, setType] = useState("User");
  const created = useRef<Secret>(null);
  const submit = async () => {
    const id = `${PRINCIPALS}/${encodeURIComponent(name)}`;
    const made = await ask<Principal & { properties: { clientSecret?: string } }>("PUT", id, { properties: { type } });
    noteChange(id);
    const secret = made.properties.clientSecret;
    if (!secret) throw new Error(`${name} is here already. Choose another name, or reset its secret.`);
    created.current = { name: made.name, clientId: made.properties.clientId, secret };
  };
  return (
    <FormDialog
      title="Create a principal"
      action="Create"
      refusal="The principal was not created."
      ready={name !== ""}
      onSubmit={submit}
      onSubmitted={() => created.current && onCreated(created.current)}
      onClose={onClose}
    >
      <Field label="Type">
        <RadioGroup value={type} onChange={(_, { value }) => setType(value)}>
          <Radio value="User" label="User: a person" />
          <Radio value="ServicePrincipal" label="Service principal: a program" />
        </RadioGroup>
      </Field>
      <Field label="Name" required hint="2 to 120 letters, digits and . _ @ -. It may nothing until it gets a role.">
        <Input value={name} onChange={(_, { value }) => setName(value)} autoComplete="off" />
      </Field>
    </FormDialog>
  );
}
