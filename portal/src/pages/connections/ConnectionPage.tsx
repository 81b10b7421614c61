import { Button, MessageBar, MessageBarBody, makeStyles, Text, tokens } from "@fluentui/react-components";
import {
  DeleteRegular,
  EditRegular,
  KeyResetRegular,
  LockClosedRegular,
  PersonKeyRegular,
} from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useParams, useRouter } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api, at, body, SITE } from "../../api/client";
import { keyOf, noteChange } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { CopyButton } from "../../components/CopyButton";
import { DeleteDialog } from "../../components/DeleteDialog";
import { Facts, knownFacts } from "../../components/Facts";
import { Moment } from "../../components/Moment";
import { Page } from "../../components/Page";
import { RouteButton } from "../../components/RouteLink";
import { Section } from "../../components/Section";
import { Loaded } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { ConnectionDrawer } from "./ConnectionDrawer";
import { RotateDialog } from "./RotateDialog";
import { AUTH_HINTS, authLabel, type Connection, FLOW_MODULE, FLOW_TYPE, secretLabel } from "./type";
import { typeOf } from "./types";
import { UsedBy } from "./UsedBy";
import { type Use, userOf, usesOf, useUses } from "./uses";

type Open = "edit" | "rotate" | "delete" | null;

export default function ConnectionPage() {
  const { connection: name = "" } = useParams({ strict: false });
  const query = useQuery({
    queryKey: keyOf(`/connections/${name}`),
    queryFn: () =>
      body(
        api.GET(`${SITE}/connections/{connection}`, { params: { path: at({ connection: name }) } }),
      ) as Promise<Connection>,
  });
  const uses = useUses();
  const users = usesOf(uses.data, name);
  const deployments = users.filter((use) => userOf(use).kind === "Deployment");
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const found = query.data;
  return (
    <Page title={found?.name ?? name} lead={found && typeOf(found).label} actions={found && actionsOf(found, setOpen)}>
      <Loaded query={query}>
        {(connection) => (
          <>
            <Section title="Settings">
              <Settings connection={connection} />
            </Section>
            <Section title="Secrets">
              <Secrets connection={connection} />
            </Section>
            <Section title="Used by">
              <Loaded query={uses}>{() => <UsedBy uses={users} />}</Loaded>
            </Section>
            {open === "edit" && <ConnectionDrawer connection={connection} onClose={close} />}
            {open === "rotate" && (
              <RotateDialog connection={connection} deployments={deployments.length} onClose={close} />
            )}
            {open === "delete" && <Deleting connection={connection} users={users} onClose={close} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function actionsOf(connection: Connection, open: (what: Open) => void): ReactNode {
  return (
    <>
      <Allowed to="connections/write" on={connection.id}>
        <Button icon={<EditRegular />} onClick={() => open("edit")}>
          Edit
        </Button>
      </Allowed>
      {connection.properties.credentialNames.length > 0 && (
        <Allowed to="connections/write" on={connection.id}>
          <Button icon={<KeyResetRegular />} onClick={() => open("rotate")}>
            Rotate secret
          </Button>
        </Allowed>
      )}
      <RouteButton to="/access" search={{ scope: connection.id }} icon={<PersonKeyRegular />}>
        Access control (IAM)
      </RouteButton>
      <Allowed to="connections/delete" on={connection.id}>
        <Button icon={<DeleteRegular />} onClick={() => open("delete")}>
          Delete
        </Button>
      </Allowed>
    </>
  );
}

function Settings({ connection }: { connection: Connection }) {
  const { category, target, metadata, authType } = connection.properties;
  const type = typeOf(connection);
  const labelled = type.fields.filter((field) => field.at.startsWith("metadata."));
  const hidden = new Set([FLOW_TYPE, FLOW_MODULE, type.targetAlsoAs, ...Object.keys(type.fixed ?? {})]);
  const labelOf = (name: string) => labelled.find((field) => field.at === `metadata.${name}`)?.label ?? name;
  const said = Object.entries(metadata).filter(([name, value]) => value !== null && value !== "" && !hidden.has(name));
  const made = connection.systemData;
  return (
    <Facts
      facts={knownFacts([
        ["Type", type.category ? type.label : ""],
        ["Category", category],
        [
          type.fields.find((field) => field.at === "target")?.label ?? "Target",
          target && (
            <>
              <Text>{target}</Text> <CopyButton text={target} what="target" />
            </>
          ),
        ],
        ["Authentication", authLabel(authType)],
        ...said.map(([name, value]) => [labelOf(name), String(value)] as const),
        ["In a flow", `connection: ${connection.name}`],
        [
          "Changed",
          made && (
            <>
              <Moment at={made.lastModifiedAt} /> by {made.lastModifiedBy}
            </>
          ),
        ],
      ])}
    />
  );
}

const useStyles = makeStyles({
  secret: { display: "inline-flex", alignItems: "center", gap: tokens.spacingHorizontalXS },
  word: { color: tokens.colorNeutralForeground2 },
});

function Secrets({ connection }: { connection: Connection }) {
  const styles = useStyles();
  const { authType, credentialNames } = connection.properties;
  if (credentialNames.length === 0) return <Text>{AUTH_HINTS[authType] ?? "None are kept for it."}</Text>;
  const kept = (
    <span className={styles.secret}>
      <LockClosedRegular aria-hidden /> kept
    </span>
  );
  return (
    <>
      <Facts facts={knownFacts(credentialNames.map((name) => [secretLabel(authType, name), kept] as const))} />
      <Text className={styles.word} size={200}>
        Kept encrypted; instances get them when they start. The portal never reads them.
      </Text>
    </>
  );
}

function Deleting({ connection, users, onClose }: { connection: Connection; users: Use[]; onClose: () => void }) {
  const router = useRouter();
  const toasts = useToasts();
  const remove = async () => {
    const params = { path: at({ connection: connection.name }) };
    await body(api.DELETE(`${SITE}/connections/{connection}`, { params }) as never);
    noteChange(connection.id);
    toasts.done(`The connection ${connection.name} is deleted.`);
    router.history.push("/portal/connections");
  };
  return (
    <DeleteDialog
      what="the connection"
      name={connection.name}
      resource={connection.id}
      onDelete={remove}
      onClose={onClose}
    >
      {users.length > 0 && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            It is used by {users.map((use) => userOf(use).label).join(", ")}. A connection that deployments use cannot
            be deleted; flows that name it fail until there is one of this name again.
          </MessageBarBody>
        </MessageBar>
      )}
    </DeleteDialog>
  );
}
