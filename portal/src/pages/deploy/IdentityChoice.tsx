import { Button, Dropdown, Field, Input, Option, Text } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../../api/access";
import { all, GROUP_ID, WORKSPACE_ID } from "../../api/client";
import { IDENTITIES, keyOf, noteChange } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { CopyButton } from "../../components/CopyButton";
import { FormDialog } from "../../components/FormDialog";
import { RouteLink } from "../../components/RouteLink";
import { Loaded } from "../../components/states";
import { said } from "./BasicSettings";
import { useFormStyles } from "./layout";
import { identityNameProblem } from "./names";
import type { ViewProps } from "./pages";

const STORAGE = `${GROUP_ID}/providers/Microsoft.Storage/storageAccounts/flowstead`;
const REGISTRY = `${GROUP_ID}/providers/Microsoft.ContainerRegistry/registries/flowstead`;

type Identity = { id: string; name: string; properties: { principalId: string } };

/** What an identity of one's own must be granted before. */
const ROLES = [
  {
    role: "Azure Machine Learning Workspace Connection Secrets Reader",
    scope: WORKSPACE_ID,
    where: "the workspace",
    why: "gets its connections",
  },
  { role: "AcrPull", scope: REGISTRY, where: "the container registry", why: "pulls images" },
  { role: "Storage Blob Data Reader", scope: STORAGE, where: "the storage account", why: "loads the model" },
] as const;

/** A user-assigned identity: one that is there, or a new one. */
export function IdentityChoice({ form, set, say }: ViewProps) {
  const styles = useFormStyles();
  const [creating, setCreating] = useState(false);
  const query = useQuery({ queryKey: keyOf(IDENTITIES), queryFn: () => all<Identity>(IDENTITIES) });
  return (
    <Loaded query={query}>
      {(identities) => {
        const chosen = identities.find((each) => each.id === form.identity);
        return (
          <div className={styles.group}>
            <Field label="User-assigned identity" required {...said(say("field-identity", true))}>
              <Dropdown
                className={styles.input}
                placeholder={identities.length ? "Select an identity" : "There is none yet: create one"}
                value={chosen?.name ?? ""}
                selectedOptions={form.identity ? [form.identity] : []}
                onOptionSelect={(_, { optionValue }) => set({ identity: optionValue ?? "" })}
              >
                {identities.map((each) => (
                  <Option key={each.id} value={each.id}>
                    {each.name}
                  </Option>
                ))}
              </Dropdown>
            </Field>
            <div>
              <Allowed to="Microsoft.ManagedIdentity/userAssignedIdentities/write" on={GROUP_ID}>
                <Button icon={<AddRegular />} onClick={() => setCreating(true)}>
                  Create an identity
                </Button>
              </Allowed>
            </div>
            {chosen && <NeededRoles identity={chosen} />}
            {creating && (
              <NewIdentity
                taken={identities.map((each) => each.name)}
                onDone={(identity) => set({ identity })}
                onClose={() => setCreating(false)}
              />
            )}
          </div>
        );
      }}
    </Loaded>
  );
}

function NeededRoles({ identity }: { identity: Identity }) {
  const styles = useFormStyles();
  const commands = ROLES.map(
    ({ role, scope }) =>
      `flowstead role assignment create --role "${role}" --assignee-object-id ${identity.properties.principalId} --scope ${scope}`,
  ).join("\n");
  return (
    <div className={styles.group}>
      <Text>
        {identity.name} must have these roles before the deployment is created, else its creation fails. The review says
        whether it has. An owner grants them under <RouteLink to="/access">Access control (IAM)</RouteLink>, or runs:
      </Text>
      <ul>
        {ROLES.map(({ role, where, why }) => (
          <li key={role}>
            <Text>
              <b>{role}</b> on {where}: {why}.
            </Text>
          </li>
        ))}
      </ul>
      <div className={styles.command}>
        <pre className={styles.code}>{commands}</pre>
        <CopyButton text={commands} what="the commands" />
      </div>
    </div>
  );
}

function NewIdentity(props: { taken: string[]; onDone: (id: string) => void; onClose: () => void }) {
  const [name, setName] = useState("");
  const problem = identityNameProblem(name, props.taken);
  const submit = async () => {
    const id = `${IDENTITIES}/${name}`;
    await ask("PUT", id, { location: "local", tags: {} });
    noteChange(id);
    props.onDone(id);
  };
  return (
    <FormDialog
      title="Create a user-assigned identity"
      action="Create"
      refusal="It was not created."
      ready={problem === ""}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <Field label="Identity name" required {...said(name ? problem : "")}>
        <Input value={name} onChange={(_, { value }) => setName(value)} autoComplete="off" />
      </Field>
    </FormDialog>
  );
}
