import { makeStyles, Tab, TabList, tokens } from "@fluentui/react-components";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Page } from "../../components/Page";
import { Appearance } from "./Appearance";
import { CleanUp } from "./CleanUp";
import { Keys } from "./Keys";
import { Project } from "./Project";
import { Quota } from "./Quota";
import { Sessions } from "./Sessions";

/** The tabs, in their order; the first is shown when the address names none. */
const TABS = [
  { id: "project", label: "Project", view: Project },
  { id: "sessions", label: "Sessions", view: Sessions },
  { id: "keys", label: "Keys", view: Keys },
  { id: "quota", label: "Quota", view: Quota },
  { id: "clean-up", label: "Clean up", view: CleanUp },
  { id: "appearance", label: "Appearance", view: Appearance },
] as const;

const useStyles = makeStyles({
  tabs: { flexWrap: "wrap" },
  tab: { display: "grid", gap: tokens.spacingVerticalL, minWidth: 0 },
});

export default function Settings() {
  const styles = useStyles();
  const search = useSearch({ strict: false }) as { tab?: string };
  const navigate = useNavigate();
  const shown = TABS.find((tab) => tab.id === search.tab) ?? TABS[0];
  return (
    <Page title="Settings">
      <TabList
        className={styles.tabs}
        selectedValue={shown.id}
        onTabSelect={(_, { value }) => void navigate({ to: "/settings", search: { tab: String(value) } as never })}
      >
        {TABS.map(({ id, label }) => (
          <Tab key={id} value={id}>
            {label}
          </Tab>
        ))}
      </TabList>
      <div className={styles.tab}>
        <shown.view />
      </div>
    </Page>
  );
}
