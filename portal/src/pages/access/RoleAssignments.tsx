import { Badge, Button, Dropdown, makeStyles, Option, Switch, tokens } from "@fluentui/react-components";
import { DeleteRegular } from "@fluentui/react-icons";
import { useMemo, useState } from "react";
import { type Assignment, ask, useAssignments, usePrincipals, useRoles } from "../../api/access";
import { noteChange } from "../../api/queries";
import { useSession } from "../../api/session";
import { Allowed } from "../../components/Allowed";
import { FormDialog } from "../../components/FormDialog";
import { Moment } from "../../components/Moment";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { RouteButton, RouteLink } from "../../components/RouteLink";
import { Empty, Loaded, Loading } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { type Who, whoIs } from "./people";
import { isInherited, type Scope, scopeOf, titleOf } from "./scopes";
import { usePeople } from "./usePeople";
import { WhoCell } from "./WhoCell";

type Row = { assignment: Assignment; who: Who; by: string; role: string; on: Scope; inherited: boolean };

const KINDS = ["Everyone", "Users", "Service principals", "Managed identities"] as const;

const useStyles = makeStyles({
  scope: { display: "flex", gap: tokens.spacingHorizontalXS, alignItems: "center", flexWrap: "wrap" },
  kinds: { minWidth: "11rem" },
});

/** Who has which role here: granted on this scope, or on one that contains it. */
export default function RoleAssignments({ scope }: { scope: Scope }) {
  const styles = useStyles();
  const [deep, setDeep] = useState(false);
  const [kind, setKind] = useState<(typeof KINDS)[number]>("Everyone");
  const [leaving, setLeaving] = useState<Row | null>(null);
  const toasts = useToasts();
  const session = useSession();
  const me = session.state === "in" ? session.person.principalId : "";
  const query = useAssignments(scope.id, deep);
  const rows = useRows(query.data, scope);
  // Names come with these; a list of ids that turn into names under one's eyes is no help.
  const unnamed = [usePrincipals(), useRoles(scope.id, true)].some(({ isPending }) => isPending);
  const shown = rows.filter((row) => kind === "Everyone" || groupOf(row) === kind);
  const take = async ({ assignment, who, role }: Row) => {
    await ask("DELETE", assignment.id);
    noteChange(assignment.id);
    toasts.done(`${who.name} no longer has the role ${role} on ${titleOf(scopeOf(assignment.properties.scope))}.`);
  };
  return (
    <Loaded query={query}>
      {(found) =>
        unnamed ? (
          <Loading />
        ) : found.length === 0 ? (
          <Empty
            title="Nobody has a role here"
            action={
              <Allowed to="roleAssignments/write" on={scope.id}>
                <RouteButton to="/access/add" search={{ scope: scope.key }}>
                  Add role assignment
                </RouteButton>
              </Allowed>
            }
          >
            A role assignment says who may do what on {titleOf(scope)} and what lies below it.
          </Empty>
        ) : (
          <>
            <ResourceTable
              label="Role assignments"
              rows={shown}
              columns={columns(scope, setLeaving, styles.scope)}
              keyOf={({ assignment }) => assignment.id}
              textOf={({ who, role, on, by }) => `${who.name} ${who.kind} ${role} ${titleOf(on)} ${by}`}
              tools={
                <>
                  <Dropdown
                    className={styles.kinds}
                    aria-label="Kind of member"
                    value={kind}
                    selectedOptions={[kind]}
                    onOptionSelect={(_, { optionValue }) => setKind((optionValue as typeof kind) ?? "Everyone")}
                  >
                    {KINDS.map((each) => (
                      <Option key={each}>{each}</Option>
                    ))}
                  </Dropdown>
                  <Switch
                    label="Also below this scope"
                    checked={deep}
                    onChange={(_, { checked }) => setDeep(checked)}
                  />
                </>
              }
            />
            {leaving && (
              <FormDialog
                title={leaving.who.objectId === me ? "Give up your own role?" : "Delete the role assignment?"}
                action="Delete"
                onSubmit={() => take(leaving)}
                onClose={() => setLeaving(null)}
              >
                <p>
                  {leaving.who.objectId === me
                    ? `You lose your own role ${leaving.role} on ${titleOf(leaving.on)} and below it, from the next request on. What only this role allows you, such as this page, you cannot give yourself back: another owner has to.`
                    : `${leaving.who.name} loses the role ${leaving.role} on ${titleOf(leaving.on)} and below it, from the next request on. Deployments that need it fail until it is granted again.`}
                </p>
              </FormDialog>
            )}
          </>
        )
      }
    </Loaded>
  );
}

function useRows(found: Assignment[] | undefined, scope: Scope): Row[] {
  const people = usePeople();
  const roles = useRoles(scope.id, true).data;
  return useMemo(() => {
    const names = new Map((roles ?? []).map((role) => [role.name, role.properties.roleName]));
    return (found ?? []).map((assignment) => {
      const { principalId, principalType, roleDefinitionId, createdBy, scope: on } = assignment.properties;
      const guid = guidOf(roleDefinitionId);
      return {
        assignment,
        who: whoIs(people, principalId, principalType),
        by: createdBy === "flowstead" ? "Flowstead" : createdBy,
        role: names.get(guid) ?? guid,
        on: scopeOf(on),
        inherited: isInherited(on, scope.id),
      };
    });
  }, [found, people, roles, scope.id]);
}

function columns(scope: Scope, onDelete: (row: Row) => void, line: string): Column<Row>[] {
  return [
    { label: "Name", cell: ({ who }) => <WhoCell who={who} />, sort: ({ who }) => who.name },
    { label: "Role", cell: ({ role }) => role, sort: ({ role }) => role },
    {
      label: "Scope",
      sort: ({ on }) => titleOf(on),
      cell: ({ on, inherited }) => (
        <span className={line}>
          {on.id === scope.id ? (
            "This resource"
          ) : (
            <RouteLink to="/access" search={{ scope: on.key }}>
              {titleOf(on)}
            </RouteLink>
          )}
          {inherited && <Badge appearance="tint">Inherited</Badge>}
        </span>
      ),
    },
    {
      label: "Granted",
      wide: true,
      width: "11rem",
      sort: ({ assignment }) => assignment.properties.createdOn,
      cell: ({ assignment, by }) => (
        <>
          <Moment at={assignment.properties.createdOn} /> by {by}
        </>
      ),
    },
    {
      label: "Delete",
      action: true,
      width: "4.5rem",
      cell: (row) => (
        <Allowed to="roleAssignments/delete" on={row.on.id}>
          <Button
            appearance="subtle"
            icon={<DeleteRegular />}
            aria-label={`Delete the role ${row.role} of ${row.who.name}`}
            onClick={() => onDelete(row)}
          />
        </Allowed>
      ),
    },
  ];
}

function guidOf(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}

function groupOf({ who, assignment }: Row): (typeof KINDS)[number] {
  if (who.kind === "Unknown") return assignment.properties.principalType === "User" ? "Users" : "Service principals";
  if (who.kind === "User") return "Users";
  return who.kind === "Service principal" ? "Service principals" : "Managed identities";
}
