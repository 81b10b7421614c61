import {
  Badge,
  Button,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { AddRegular, MoreHorizontalRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { ask, type Principal, usePrincipals } from "../../api/access";
import { SUBSCRIPTION_ID } from "../../api/client";
import { noteChange } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { CopyButton } from "../../components/CopyButton";
import { DeleteDialog } from "../../components/DeleteDialog";
import { FormDialog } from "../../components/FormDialog";
import { Moment } from "../../components/Moment";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { Loaded } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { NewPrincipalDialog } from "./NewPrincipalDialog";
import { changesFor, type PrincipalChange } from "./principalChanges";
import { type Secret, SecretDialog } from "./SecretDialog";

type Open =
  | { what: "create" }
  | { what: "change"; change: PrincipalChange; principal: Principal }
  | { what: "delete"; principal: Principal }
  | { what: "secret"; secret: Secret }
  | null;

const useStyles = makeStyles({
  line: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalXS },
  id: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, whiteSpace: "nowrap" },
});

/** Users and service principals: who signs in with a secret of his own. */
export default function Principals() {
  const [open, setOpen] = useState<Open>(null);
  const query = usePrincipals();
  const toasts = useToasts();
  const columns = useColumns(setOpen);
  const close = () => setOpen(null);
  const perform = async (change: PrincipalChange, principal: Principal) => {
    const answer = await ask<Principal & { properties: { clientSecret?: string } }>(
      "POST",
      `${principal.id}/${change.route}`,
    );
    noteChange(principal.id);
    const secret = answer.properties.clientSecret;
    // The question closes by itself after this; what it led to opens then.
    if (secret) setTimeout(() => setOpen({ what: "secret", secret: secretOf(principal, secret) }));
    else toasts.done(change.done(principal.name));
  };
  const remove = async (principal: Principal) => {
    await ask("DELETE", principal.id);
    noteChange(principal.id);
    toasts.done(`${principal.name} is deleted.`);
  };
  return (
    <>
      <Loaded query={query}>
        {(found) => (
          <ResourceTable
            label="Principals"
            rows={found.filter(({ properties }) => !properties.resourceId)}
            columns={columns}
            keyOf={({ properties }) => properties.principalId}
            textOf={({ name, properties }) => `${name} ${properties.type} ${properties.principalId}`}
            tools={
              <Allowed to="principals/write" on={SUBSCRIPTION_ID}>
                <Button icon={<AddRegular />} onClick={() => setOpen({ what: "create" })}>
                  Create principal
                </Button>
              </Allowed>
            }
          />
        )}
      </Loaded>
      {open?.what === "create" && (
        <NewPrincipalDialog onClose={close} onCreated={(secret) => setOpen({ what: "secret", secret })} />
      )}
      {open?.what === "secret" && <SecretDialog secret={open.secret} onClose={close} />}
      {open?.what === "change" && (
        <FormDialog
          title={`${open.change.verb} – ${open.principal.name}?`}
          action={open.change.verb}
          onSubmit={() => perform(open.change, open.principal)}
          onClose={close}
        >
          <p>{open.change.what}</p>
        </FormDialog>
      )}
      {open?.what === "delete" && (
        <DeleteDialog
          what="the principal"
          name={open.principal.name}
          resource={open.principal.id}
          onDelete={() => remove(open.principal)}
          onClose={close}
        >
          <p>Its role assignments go with it, and none of its tokens opens anything any more.</p>
        </DeleteDialog>
      )}
    </>
  );
}

function secretOf({ name, properties }: Principal, secret: string): Secret {
  return { name, clientId: properties.clientId, secret };
}

function useColumns(onOpen: (open: Open) => void): Column<Principal>[] {
  const styles = useStyles();
  return [
    {
      label: "Name",
      sort: ({ name }) => name,
      cell: ({ name, properties }) => (
        <span className={styles.line}>
          {name}
          {properties.blocked && (
            <Badge appearance="tint" color="danger">
              Blocked
            </Badge>
          )}
        </span>
      ),
    },
    {
      label: "Type",
      width: "9rem",
      sort: ({ properties }) => properties.type,
      cell: ({ properties }) => (properties.type === "User" ? "User" : "Service principal"),
    },
    {
      label: "Object id",
      wide: true,
      width: "22rem",
      cell: ({ properties }) => (
        <span className={styles.line}>
          <Text className={styles.id}>{properties.principalId}</Text>
          <CopyButton text={properties.principalId} what="object id" />
        </span>
      ),
    },
    { label: "Created", wide: true, width: "9rem", cell: ({ properties }) => <Moment at={properties.createdOn} /> },
    {
      label: "Actions",
      action: true,
      width: "4.5rem",
      cell: (principal) => <Actions principal={principal} onOpen={onOpen} />,
    },
  ];
}

function Actions({ principal, onOpen }: { principal: Principal; onOpen: (open: Open) => void }) {
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <Button
          appearance="subtle"
          icon={<MoreHorizontalRegular />}
          aria-label={`What can be done with ${principal.name}`}
        />
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          {changesFor(principal).map((change) => (
            <Allowed key={change.route} to="principals/write" on={principal.id}>
              <MenuItem onClick={() => onOpen({ what: "change", change, principal })}>{change.verb}</MenuItem>
            </Allowed>
          ))}
          <Allowed to="principals/delete" on={principal.id}>
            <MenuItem onClick={() => onOpen({ what: "delete", principal })}>Delete</MenuItem>
          </Allowed>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
