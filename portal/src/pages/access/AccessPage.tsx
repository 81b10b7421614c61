import { makeStyles, Tab, TabList, tokens } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ComponentType, type LazyExoticComponent, Suspense } from "react";
import { Allowed } from "../../components/Allowed";
import { lazily } from "../../components/lazily";
import { Page } from "../../components/Page";
import { RouteButton } from "../../components/RouteLink";
import { Loading } from "../../components/states";
import { ScopePicker } from "./ScopePicker";
import { type Scope, scopeOf, titleOf } from "./scopes";

type AccessTab = {
  id: string;
  label: string;
  /** Whether what it shows depends on the scope. */
  scoped: boolean;
  view: LazyExoticComponent<ComponentType<{ scope: Scope }>>;
};

/** The tabs, in their order; the first is shown when the address names none. */
const TABS: readonly [AccessTab, ...AccessTab[]] = [
  { id: "assignments", label: "Role assignments", scoped: true, view: lazily(() => import("./RoleAssignments")) },
  { id: "roles", label: "Roles", scoped: true, view: lazily(() => import("./Roles")) },
  { id: "check", label: "Check access", scoped: true, view: lazily(() => import("./CheckAccess")) },
  { id: "identities", label: "Identities", scoped: false, view: lazily(() => import("./Identities")) },
  { id: "principals", label: "Principals", scoped: false, view: lazily(() => import("./Principals")) },
  { id: "audit", label: "Audit log", scoped: false, view: lazily(() => import("./AuditLog")) },
];

const useStyles = makeStyles({
  tabs: { flexWrap: "wrap" },
  tab: { display: "grid", gap: tokens.spacingVerticalL, minWidth: 0 },
});

export default function AccessPage() {
  const styles = useStyles();
  const search = useSearch({ strict: false }) as { scope?: string; tab?: string };
  const navigate = useNavigate();
  const scope = scopeOf(search.scope);
  const shown = TABS.find((tab) => tab.id === search.tab) ?? TABS[0];
  const go = (change: { scope?: string; tab?: string }) =>
    void navigate({ to: "/access", search: { ...search, ...change } as never });
  return (
    <Page
      title="Access control (IAM)"
      lead={shown.scoped ? `Who may do what on: ${titleOf(scope)}.` : "Of the whole server."}
      actions={
        <Allowed to="roleAssignments/write" on={scope.id}>
          <RouteButton appearance="primary" icon={<AddRegular />} to="/access/add" search={{ scope: scope.key }}>
            Add role assignment
          </RouteButton>
        </Allowed>
      }
    >
      <TabList
        className={styles.tabs}
        selectedValue={shown.id}
        onTabSelect={(_, { value }) => go({ tab: String(value) })}
      >
        {TABS.map(({ id, label }) => (
          <Tab key={id} value={id}>
            {label}
          </Tab>
        ))}
      </TabList>
      <div className={styles.tab}>
        {shown.scoped && <ScopePicker scope={scope} onPick={({ key }) => go({ scope: key })} />}
        <Suspense fallback={<Loading />}>
          <shown.view key={shown.scoped ? scope.id : ""} scope={scope} />
        </Suspense>
      </div>
    </Page>
  );
}
