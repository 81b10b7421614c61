import { Button, Link, makeStyles, Text, tokens } from "@fluentui/react-components";
import { AddRegular, DeleteRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { ask, type Endpoint, type Identity, useEndpoints, useIdentities } from "../../api/access";
import { GROUP_ID } from "../../api/client";
import { noteChange } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { CopyButton } from "../../components/CopyButton";
import { DeleteDialog } from "../../components/DeleteDialog";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { path, RouteLink } from "../../components/RouteLink";
import { Empty, Loaded } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { IdentityDialog } from "./IdentityDialog";

type Open = { what: "create" } | { what: "edit" | "delete"; identity: Identity } | null;
type Row = { identity: Identity; endpoints: Endpoint[] };

const useStyles = makeStyles({
  line: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalXS },
  id: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, overflowWrap: "anywhere" },
  links: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

/** User-assigned identities: endpoints act as one of them, and have what it was granted. */
export default function Identities() {
  const [open, setOpen] = useState<Open>(null);
  const query = useIdentities();
  const endpoints = useEndpoints().data ?? [];
  const toasts = useToasts();
  const columns = useColumns(setOpen);
  const close = () => setOpen(null);
  const create = (
    <Allowed to="Microsoft.ManagedIdentity/userAssignedIdentities/write" on={GROUP_ID}>
      <Button icon={<AddRegular />} onClick={() => setOpen({ what: "create" })}>
        Create identity
      </Button>
    </Allowed>
  );
  const remove = async (identity: Identity) => {
    await ask("DELETE", identity.id);
    noteChange(identity.id);
    toasts.done(`The identity ${identity.name} is deleted.`);
  };
  return (
    <>
      <Loaded query={query}>
        {(found) =>
          found.length === 0 ? (
            <Empty title="No user-assigned identities" action={create}>
              An endpoint has an identity of its own. Create one here to prepare its grants before the endpoint is
              there, or to share them among endpoints.
            </Empty>
          ) : (
            <ResourceTable
              label="Identities"
              rows={found.map((identity) => ({ identity, endpoints: endpointsOf(identity, endpoints) }))}
              columns={columns}
              keyOf={({ identity }) => identity.id}
              textOf={({ identity }) => `${identity.name} ${identity.properties.principalId}`}
              tools={create}
            />
          )
        }
      </Loaded>
      {open?.what === "create" && <IdentityDialog onClose={close} />}
      {open?.what === "edit" && <IdentityDialog identity={open.identity} onClose={close} />}
      {open?.what === "delete" && (
        <DeleteDialog
          what="the identity"
          name={open.identity.name}
          resource={open.identity.id}
          onDelete={() => remove(open.identity)}
          onClose={close}
        >
          <Loss endpoints={endpointsOf(open.identity, endpoints)} />
        </DeleteDialog>
      )}
    </>
  );
}

function Loss({ endpoints }: { endpoints: Endpoint[] }) {
  const names = endpoints.map(({ name }) => name).join(", ");
  return (
    <p>
      Its role assignments go with it.
      {names && ` These endpoints use it, and their deployments are denied without it: ${names}.`}
    </p>
  );
}

function useColumns(onOpen: (open: Open) => void): Column<Row>[] {
  const styles = useStyles();
  return [
    {
      label: "Name",
      sort: ({ identity }) => identity.name,
      cell: ({ identity }) => (
        <Link as="button" onClick={() => onOpen({ what: "edit", identity })}>
          {identity.name}
        </Link>
      ),
    },
    {
      label: "Object id",
      wide: true,
      width: "22rem",
      cell: ({ identity: { properties } }) => (
        <span className={styles.line}>
          <Text className={styles.id}>{properties.principalId}</Text>
          <CopyButton text={properties.principalId} what="object id" />
        </span>
      ),
    },
    {
      label: "Application",
      wide: true,
      cell: ({ identity: { properties } }) => (
        <Text className={styles.id}>{properties.application?.clientId ?? "–"}</Text>
      ),
    },
    {
      label: "Used by",
      cell: ({ endpoints }) => (
        <span className={styles.links}>
          {endpoints.map(({ id, name }) => (
            <RouteLink key={id} to={path("/endpoints", name)}>
              {name}
            </RouteLink>
          ))}
          {endpoints.length === 0 && "–"}
        </span>
      ),
    },
    {
      label: "Delete",
      action: true,
      width: "4.5rem",
      cell: ({ identity }) => (
        <Allowed to="Microsoft.ManagedIdentity/userAssignedIdentities/delete" on={identity.id}>
          <Button
            appearance="subtle"
            icon={<DeleteRegular />}
            aria-label={`Delete the identity ${identity.name}`}
            onClick={() => onOpen({ what: "delete", identity })}
          />
        </Allowed>
      ),
    },
  ];
}

function endpointsOf(identity: Identity, endpoints: Endpoint[]): Endpoint[] {
  const id = identity.id.toLowerCase();
  return endpoints.filter((each) =>
    Object.keys(each.identity?.userAssignedIdentities ?? {}).some((given) => given.toLowerCase() === id),
  );
}
