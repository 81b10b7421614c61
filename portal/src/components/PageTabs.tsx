import { makeStyles, Tab, TabList } from "@fluentui/react-components";
import { useNavigate, useSearch } from "@tanstack/react-router";

export type PageTab = { id: string; label: string };

const useStyles = makeStyles({ tabs: { flexWrap: "wrap", minWidth: 0 } });

/** Which of a page's tabs the address names; the first when it names none. */
export function useTab<const T extends readonly [PageTab, ...PageTab[]]>(tabs: T): T[number] {
  const search = useSearch({ strict: false }) as { tab?: string };
  return tabs.find((tab) => tab.id === search.tab) ?? tabs[0];
}

/** The tabs of a page; the one that is shown stands in the address. */
export function PageTabs({ tabs, shown }: { tabs: readonly PageTab[]; shown: PageTab }) {
  const navigate = useNavigate();
  const styles = useStyles();
  return (
    <TabList
      className={styles.tabs}
      selectedValue={shown.id}
      onTabSelect={(_, { value }) => void navigate({ to: ".", search: { tab: String(value) } as never })}
    >
      {tabs.map((tab) => (
        <Tab key={tab.id} value={tab.id}>
          {tab.label}
        </Tab>
      ))}
    </TabList>
  );
}
