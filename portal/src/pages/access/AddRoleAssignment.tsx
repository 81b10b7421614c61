import { Button, MessageBar, MessageBarBody, makeStyles, Tab, TabList, Text, tokens } from "@fluentui/react-components";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { grant, usePrincipals, useRoles } from "../../api/access";
import { noteChange, ROLE_ASSIGNMENTS } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { Page } from "../../components/Page";
import { Permitted } from "../../components/Permitted";
import { RouteButton } from "../../components/RouteLink";
import { Failure, Loading } from "../../components/states";
import { useToasts } from "../../components/toasts";
import type { Draft, Member } from "./add/draft";
import { STEPS } from "./add/steps";
import { type Wanted, wantedOf } from "./add/wanted";
import { ScopePicker } from "./ScopePicker";
import { type Scope, scopeOf, titleOf } from "./scopes";

const useStyles = makeStyles({
  tabs: { overflowX: "auto" },
  buttons: {
    display: "flex",
    flexWrap: "wrap",
    alignItems: "center",
    gap: tokens.spacingHorizontalS,
    paddingTop: tokens.spacingVerticalM,
    borderTop: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** In the address: what is filled in already. role: its name; member: an object id or a name. */
type Search = { scope?: string; role?: string; member?: string };

export default function AddRoleAssignment() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const scope = scopeOf(search.scope);
  return (
    <Page title="Add role assignment" lead={`On: ${titleOf(scope)}.`}>
      <ScopePicker
        scope={scope}
        onPick={({ key }) =>
          void navigate({ to: "/access/add", search: { ...search, scope: key } as never, replace: true })
        }
      />
      <Begun key={JSON.stringify([search.role, search.member])} scope={scope} search={search} />
    </Page>
  );
}

/** With what the address names; what is chosen stays when another scope is. */
function Begun({ scope, search }: { scope: Scope; search: Search }) {
  const [first, setFirst] = useState<Wanted | null>(null);
  const wanted = useWanted(scope, search.role ?? "", search.member ?? "");
  if (wanted && !first) setFirst(wanted);
  return first ? <Wizard scope={scope} wanted={first} /> : <Loading />;
}

/** What the address names, once the lists are there in which it is looked for; null before. */
function useWanted(scope: Scope, role: string, member: string): Wanted | null {
  const roles = useRoles(scope.id);
  const principals = usePrincipals();
  if ((role && roles.isPending) || (member && principals.isPending)) return null;
  return wantedOf(role, member, roles.data ?? [], principals.isError ? null : (principals.data ?? []));
}

function Wizard({ scope, wanted }: { scope: Scope; wanted: Wanted }) {
  const styles = useStyles();
  const [missing] = useState(wanted.missing);
  const [chosen, setDraft] = useState<Draft>({ scope, ...wanted.draft });
  const [place, setAt] = useState(() => firstOpen(chosen));
  const role = useGrantable(scope, chosen.role);
  const draft = { ...chosen, scope, role };
  const at = chosen.role && !role ? 0 : place;
  const assigning = useAssigning(draft, setDraft);
  const step = STEPS[at];
  if (!step) return null;
  const wants = step.wants(draft);
  const reached = STEPS.findIndex((each) => each.wants(draft) !== "");
  const isLast = at === STEPS.length - 1;
  return (
    <>
      {missing.length > 0 && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>{missing.join(" ")}</MessageBarBody>
        </MessageBar>
      )}
      {chosen.role && !role && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            {`The role ${chosen.role.properties.roleName} cannot be granted on ${titleOf(scope)}. Choose another.`}
          </MessageBarBody>
        </MessageBar>
      )}
      <TabList
        className={styles.tabs}
        selectedValue={step.id}
        onTabSelect={(_, { value }) => setAt(STEPS.findIndex(({ id }) => id === value))}
      >
        {STEPS.map(({ id, label }, index) => (
          <Tab key={id} value={id} disabled={reached !== -1 && index > reached}>
            {label}
          </Tab>
        ))}
      </TabList>
      <Permitted to="roleAssignments/write" on={draft.scope.id} />
      <step.view draft={draft} set={(part) => setDraft((before) => ({ ...before, ...part }))} />
      {assigning.failures.map(({ member, failure }) => (
        <Failure key={member.objectId} title={`${member.name} did not get the role.`} failure={failure} />
      ))}
      <div className={styles.buttons}>
        {at > 0 && <Button onClick={() => setAt(at - 1)}>Previous</Button>}
        {isLast ? (
          <Allowed to="roleAssignments/write" on={draft.scope.id}>
            <Button appearance="primary" disabled={assigning.busy} onClick={() => void assigning.assign()}>
              Review + assign
            </Button>
          </Allowed>
        ) : (
          <Button appearance="primary" disabled={wants !== ""} onClick={() => setAt(at + 1)}>
            Next
          </Button>
        )}
        <RouteButton to="/access" search={{ scope: scope.key }} appearance="subtle">
          Cancel
        </RouteButton>
        {wants && <Text className={styles.quiet}>{wants}</Text>}
      </div>
    </>
  );
}

/** The role as it is granted on the scope; null when it cannot be. */
function useGrantable(scope: Scope, role: Draft["role"]): Draft["role"] {
  const roles = useRoles(scope.id).data;
  return roles && role ? (roles.find(({ name }) => name === role.name) ?? null) : role;
}

/** The page that has still something to be chosen; the review when all is. */
function firstOpen(draft: Draft): number {
  const open = STEPS.findIndex(({ wants }) => wants(draft) !== "");
  return open === -1 ? STEPS.length - 1 : open;
}

type Refused = { member: Member; failure: unknown };

/** Grants the role to one after the other; those who were refused it are left in the draft. */
function useAssigning(draft: Draft, setDraft: (draft: Draft) => void) {
  const navigate = useNavigate();
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  const [failures, setFailures] = useState<Refused[]>([]);
  const assign = async () => {
    if (!draft.role) return;
    setBusy(true);
    const refused: Refused[] = [];
    for (const member of draft.members) {
      try {
        await grant(draft.scope.id, draft.role, { id: member.objectId, type: member.type });
        toasts.done(`${member.name} has the role ${draft.role.properties.roleName} on ${titleOf(draft.scope)}.`);
      } catch (failure) {
        refused.push({ member, failure });
      }
    }
    noteChange(`${ROLE_ASSIGNMENTS}/new`);
    setBusy(false);
    setFailures(refused);
    if (refused.length === 0) void navigate({ to: "/access", search: { scope: draft.scope.key } as never });
    else setDraft({ ...draft, members: refused.map(({ member }) => member) });
  };
  return { busy, failures, assign };
}
