import { Field, Input, makeStyles, Switch, Text, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { ask, type Identity } from "../../api/access";
import { GROUP_ID } from "../../api/client";
import { type Patch, patchBetween, patched } from "../../api/edits";
import type { Read } from "../../api/endpoints";
import { IDENTITIES, noteChange } from "../../api/queries";
import { CopyButton } from "../../components/CopyButton";
import { FormDialog } from "../../components/FormDialog";
import { RouteLink } from "../../components/RouteLink";
import { type Pairs, TagsEditor } from "../../components/TagsEditor";
import { useToasts } from "../../components/toasts";
import { useEdit } from "../../components/useEdit";

const ENTRA = "https://login.microsoftonline.com";

const useStyles = makeStyles({
  facts: { display: "grid", gap: tokens.spacingVerticalXXS },
  fact: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalXS, flexWrap: "wrap" },
  id: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, overflowWrap: "anywhere" },
});

type Application = { authority: string; tenantId: string; clientId: string };

/** What another cloud's federated credential asks for, as its page names it. */
function factsOf({ properties }: Identity): [string, string][] {
  return [
    ["Object id (subject)", properties.principalId],
    ["Client id", properties.clientId],
    ["Tenant id", properties.tenantId],
  ];
}

function editedOf({ tags, properties: { application } }: Identity) {
  return { tags, properties: application ? { application } : {} };
}

/** Creates a user-assigned identity, or changes its application and tags. */
export function IdentityDialog(props: { identity?: Identity; onClose: () => void }) {
  const { resource: identity, save } = useEdit(props.identity);
  const styles = useStyles();
  const toasts = useToasts();
  const bound = identity?.properties.application;
  const [name, setName] = useState(identity?.name ?? "");
  const [federates, setFederates] = useState(bound !== undefined);
  const [application, setApplication] = useState<Application>(
    bound ?? { authority: ENTRA, tenantId: "", clientId: "" },
  );
  const [tags, setTags] = useState<Pairs>(identity?.tags ?? {});
  const submit = async () => {
    const id = identity?.id ?? `${IDENTITIES}/${encodeURIComponent(name)}`;
    const wanted = { tags, properties: federates ? { application } : {} };
    const put = (body: object) => ask("PUT", id, { location: "local", ...body });
    const patch = identity ? patchBetween(editedOf(identity), wanted) : {};
    const write = (fresh: Read<Patch>) => put(editedOf(patched(fresh.resource, patch) as Identity));
    await (identity ? save({ path: id, patch, write }) : put(wanted));
    noteChange(id);
    toasts.done(`The identity ${name} is ${identity ? "changed" : "created"}.`);
  };
  return (
    <FormDialog
      title={identity ? identity.name : "Create a user-assigned identity"}
      action={identity ? "Save" : "Create"}
      needs="Microsoft.ManagedIdentity/userAssignedIdentities/write"
      on={identity?.id ?? GROUP_ID}
      refusal="The identity was not saved."
      ready={name !== ""}
      onSubmit={submit}
      onClose={props.onClose}
    >
      {identity ? (
        <div className={styles.facts}>
          {factsOf(identity).map(([label, value]) => (
            <span key={label} className={styles.fact}>
              {label}: <Text className={styles.id}>{value}</Text>
              <CopyButton text={value} what={label.toLowerCase()} />
            </span>
          ))}
        </div>
      ) : (
        <Field label="Name" required hint="3 to 128 letters, digits, dashes and underscores.">
          <Input value={name} onChange={(_, { value }) => setName(value)} autoComplete="off" />
        </Field>
      )}
      <Switch
        label="Sign in to another cloud with it"
        checked={federates}
        onChange={(_, { checked }) => setFederates(checked)}
      />
      {federates && <ApplicationFields value={application} onChange={setApplication} />}
      <Field label="Tags">
        <TagsEditor noun="tag" value={tags} onChange={setTags} />
      </Field>
    </FormDialog>
  );
}

type FieldsProps = { value: Application; onChange: (value: Application) => void };

function ApplicationFields({ value, onChange }: FieldsProps) {
  const set = (part: Partial<Application>) => onChange({ ...value, ...part });
  return (
    <>
      <Text>
        An application there trusts this server's issuer for the identity. In Microsoft Entra ID add a federated
        credential to it: issuer as under{" "}
        <RouteLink inline to="/settings" search={{ tab: "keys" }}>
          Settings, Keys
        </RouteLink>
        , subject the object id, audience api://AzureADTokenExchange.
      </Text>
      <Field label="Authority" required>
        <Input value={value.authority} onChange={(_, data) => set({ authority: data.value })} />
      </Field>
      <Field label="Tenant id" required>
        <Input value={value.tenantId} onChange={(_, data) => set({ tenantId: data.value })} />
      </Field>
      <Field label="Client id of the application" required>
        <Input value={value.clientId} onChange={(_, data) => set({ clientId: data.value })} />
      </Field>
    </>
  );
}
