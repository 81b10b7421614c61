import { Badge, Combobox, Field, makeStyles, Option, Switch, Text, tokens } from "@fluentui/react-components";
import { CheckmarkCircleRegular, DismissCircleRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { type Assignment, type Role, useAssignments, useRoles } from "../../api/access";
import { useSession } from "../../api/session";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { RouteLink } from "../../components/RouteLink";
import { Empty, Loaded } from "../../components/states";
import { type Action, permits } from "./actions";
import { whoIs } from "./people";
import { type Scope, scopeOf, titleOf } from "./scopes";
import { useActions } from "./useActions";
import { usePeople } from "./usePeople";

type Held = { role: Role; on: Scope };
type Row = { action: Action; by: Held | undefined };

const useStyles = makeStyles({
  who: { width: "min(28rem, 100%)" },
  list: { maxHeight: "20rem" },
  roles: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
  name: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, overflowWrap: "anywhere" },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** What somebody may do at this scope, and by which role. */
export default function CheckAccess({ scope }: { scope: Scope }) {
  const styles = useStyles();
  const session = useSession();
  const [who, setWho] = useState(session.state === "in" ? session.person.principalId : "");
  const [typed, setTyped] = useState<string | null>(null);
  const people = usePeople();
  const query = useAssignments(scope.id);
  const roles = useRoles(scope.id, true).data ?? [];
  const { name } = whoIs(people, who, "");
  const offered = [...people.values()].filter((each) =>
    `${each.name} ${each.kind}`.toLowerCase().includes((typed ?? "").toLowerCase()),
  );
  return (
    <>
      <Field label="Who" className={styles.who} hint="Somebody by name, or any object id.">
        <Combobox
          freeform
          value={typed ?? name}
          selectedOptions={[who]}
          onChange={(event) => setTyped(event.target.value)}
          onOpenChange={(_, { open }) => setTyped(open ? "" : null)}
          onOptionSelect={(_, { optionValue }) => {
            setTyped(null);
            if (optionValue) setWho(optionValue);
          }}
          listbox={{ className: styles.list }}
        >
          {offered.map((each) => (
            <Option key={each.objectId} value={each.objectId} text={each.name}>
              {each.name} ({each.kind})
            </Option>
          ))}
          {typed && offered.length === 0 && (
            <Option value={typed.trim()} text={typed.trim()}>
              {`The object id ${typed.trim()}`}
            </Option>
          )}
        </Combobox>
      </Field>
      <Loaded query={query}>{(found) => <Rights held={heldBy(found, roles, who)} name={name} scope={scope} />}</Loaded>
    </>
  );
}

function Rights({ held, name, scope }: { held: Held[]; name: string; scope: Scope }) {
  const styles = useStyles();
  const [all, setAll] = useState(false);
  const actions = useActions();
  if (held.length === 0) {
    return (
      <Empty title={`${name} may do nothing here`}>
        There is no role of {name} on {titleOf(scope)}, nor on what contains it.
      </Empty>
    );
  }
  return (
    <>
      <section aria-label="Roles that hold here">
        <Text weight="semibold">Roles that hold here</Text>
        <ul className={styles.roles}>
          {held.map(({ role, on }) => (
            <li key={`${role.id} ${on.id}`}>
              {role.properties.roleName}, on{" "}
              <RouteLink to="/access" search={{ scope: on.key }}>
                {titleOf(on)}
              </RouteLink>
            </li>
          ))}
        </ul>
      </section>
      <Loaded query={actions}>
        {(known) => (
          <ResourceTable
            label="Actions"
            rows={known.map((action) => rowOf(action, held)).filter(({ by }) => all || by)}
            columns={COLUMNS}
            keyOf={({ action }) => action.name}
            textOf={({ action }) => `${action.name} ${action.what}`}
            tools={
              <Switch label="Also what is not allowed" checked={all} onChange={(_, { checked }) => setAll(checked)} />
            }
          />
        )}
      </Loaded>
    </>
  );
}

const COLUMNS: Column<Row>[] = [
  {
    label: "Allowed",
    width: "6.5rem",
    cell: ({ by }) =>
      by ? (
        <Badge appearance="tint" color="success" icon={<CheckmarkCircleRegular />}>
          Yes
        </Badge>
      ) : (
        <Badge appearance="tint" color="danger" icon={<DismissCircleRegular />}>
          No
        </Badge>
      ),
  },
  { label: "Action", sort: ({ action }) => action.name, cell: ({ action }) => <ActionCell action={action} /> },
  { label: "By the role", wide: true, cell: ({ by }) => by?.role.properties.roleName ?? "–" },
];

function ActionCell({ action }: { action: Action }) {
  const styles = useStyles();
  return (
    <span>
      <span className={styles.name}>{action.name}</span>
      <Text block size={200} className={styles.quiet}>
        {action.what}
      </Text>
    </span>
  );
}

function heldBy(assignments: Assignment[], roles: Role[], who: string): Held[] {
  const known = new Map(roles.map((role) => [role.name, role]));
  return assignments
    .filter(({ properties }) => properties.principalId.toLowerCase() === who.toLowerCase())
    .flatMap(({ properties }) => {
      const role = known.get(properties.roleDefinitionId.slice(properties.roleDefinitionId.lastIndexOf("/") + 1));
      return role ? [{ role, on: scopeOf(properties.scope) }] : [];
    });
}

function rowOf(action: Action, held: Held[]): Row {
  return {
    action,
    by: held.find(({ role }) => role.properties.permissions.some((permission) => permits(permission, action))),
  };
}
