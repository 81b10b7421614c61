import { Text } from "@fluentui/react-components";
import { useState } from "react";
import { api, at, body, SITE } from "../../api/client";
import { noteChange } from "../../api/queries";
import { FormDialog } from "../../components/FormDialog";
import { useToasts } from "../../components/toasts";
import { nested } from "./draft";
import { SecretField } from "./SecretField";
import { type Connection, secretLabel } from "./type";

type Props = { connection: Connection; deployments: number; onClose: () => void };

/** New values for the secrets that are kept. Mounted while open. */
export function RotateDialog({ connection, deployments, onClose }: Props) {
  const toasts = useToasts();
  const [values, setValues] = useState<Record<string, string>>({});
  const { authType, credentialNames } = connection.properties;
  const typed = Object.entries(values).filter(([, value]) => value);
  const submit = async () => {
    const properties = { credentials: nested(Object.fromEntries(typed)) };
    const params = { path: at({ connection: connection.name }) };
    await body(api.PATCH(`${SITE}/connections/{connection}`, { params, body: { properties } as never }));
    noteChange(connection.id);
    toasts.done(`The secret of ${connection.name} is replaced. ${whoIsRolled(deployments)}`);
  };
  return (
    <FormDialog
      title={`Rotate the secret of ${connection.name}`}
      action="Rotate"
      ready={typed.length > 0}
      onSubmit={submit}
      onClose={onClose}
    >
      <Text>
        {whoIsRolled(deployments)} The old instances finish their requests with the old value. What you leave empty
        stays as it is.
      </Text>
      {credentialNames.map((name) => (
        <SecretField
          key={name}
          label={`New ${secretLabel(authType, name)}`}
          value={values[name] ?? ""}
          onChange={(value) => setValues({ ...values, [name]: value })}
        />
      ))}
    </FormDialog>
  );
}

function whoIsRolled(deployments: number): string {
  if (deployments === 0) return "No deployment uses it now.";
  return deployments === 1
    ? "The deployment that uses it starts new instances with the new value."
    : `The ${deployments} deployments that use it start new instances with the new value.`;
}
