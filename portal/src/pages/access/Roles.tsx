import { Badge, Button, Link, makeStyles, Text, tokens } from "@fluentui/react-components";
import { AddRegular, DeleteRegular, EditRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { ask, type Role, roleFrom, useRoles } from "../../api/access";
import { noteChange } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { DeleteDialog } from "../../components/DeleteDialog";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { Loaded } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { RoleDetails } from "./RoleDetails";
import { RoleDialog } from "./RoleDialog";
import { type Scope, scopeOf, titleOf } from "./scopes";

type Open = { what: "show" | "edit" | "delete"; role: Role } | { what: "create" } | null;

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground2 },
  buttons: { display: "flex" },
});

/** Azure's built-in roles that matter here, and custom ones. */
export default function Roles({ scope }: { scope: Scope }) {
  const [open, setOpen] = useState<Open>(null);
  const query = useRoles(scope.id, true);
  const toasts = useToasts();
  const columns = useColumns(scope, setOpen);
  const close = () => setOpen(null);
  const remove = async (role: Role) => {
    await ask("DELETE", roleFrom(scope.id, role.name));
    noteChange(role.id);
    toasts.done(`The role ${role.properties.roleName} is deleted.`);
  };
  return (
    <Loaded query={query}>
      {(roles) => (
        <>
          <ResourceTable
            label="Roles"
            rows={roles}
            columns={columns}
            keyOf={({ id }) => id}
            textOf={({ properties }) => `${properties.roleName} ${properties.description}`}
            tools={
              <Allowed to="roleDefinitions/write" on={roleFrom(scope.id, "")}>
                <Button icon={<AddRegular />} onClick={() => setOpen({ what: "create" })}>
                  Create custom role
                </Button>
              </Allowed>
            }
          />
          {open?.what === "show" && <RoleDetails role={open.role} onClose={close} />}
          {open?.what === "create" && <RoleDialog scope={scope} onClose={close} />}
          {open?.what === "edit" && <RoleDialog scope={scope} role={open.role} onClose={close} />}
          {open?.what === "delete" && (
            <DeleteDialog
              what="the custom role"
              name={open.role.properties.roleName}
              resource={open.role.id}
              onDelete={() => remove(open.role)}
              onClose={close}
            >
              <p>Its role assignments must be deleted first.</p>
            </DeleteDialog>
          )}
        </>
      )}
    </Loaded>
  );
}

function useColumns(scope: Scope, onOpen: (open: Open) => void): Column<Role>[] {
  const styles = useStyles();
  return [
    {
      label: "Role",
      sort: ({ properties }) => properties.roleName,
      cell: (role) => (
        <Link as="button" onClick={() => onOpen({ what: "show", role })}>
          {role.properties.roleName}
        </Link>
      ),
    },
    {
      label: "Description",
      wide: true,
      cell: ({ properties }) => (
        <Text size={200} className={styles.quiet}>
          {properties.description || "–"}
        </Text>
      ),
    },
    {
      label: "Type",
      width: "6rem",
      sort: ({ properties }) => properties.type,
      cell: ({ properties }) =>
        properties.type === "CustomRole" ? <Badge appearance="tint">Custom</Badge> : "Built-in",
    },
    {
      label: "Grantable on",
      wide: true,
      cell: ({ properties }) => properties.assignableScopes.map((each) => titleOf(scopeOf(each))).join(", "),
    },
    {
      label: "Change",
      action: true,
      width: "6rem",
      cell: (role) =>
        role.properties.type === "CustomRole" && (
          <span className={styles.buttons}>
            <Allowed to="roleDefinitions/write" on={roleFrom(scope.id, role.name)}>
              <Button
                appearance="subtle"
                icon={<EditRegular />}
                aria-label={`Edit the role ${role.properties.roleName}`}
                onClick={() => onOpen({ what: "edit", role })}
              />
            </Allowed>
            <Allowed to="roleDefinitions/delete" on={roleFrom(scope.id, role.name)}>
              <Button
                appearance="subtle"
                icon={<DeleteRegular />}
                aria-label={`Delete the role ${role.properties.roleName}`}
                onClick={() => onOpen({ what: "delete", role })}
              />
            </Allowed>
          </span>
        ),
    },
  ];
}
