import { CounterBadge, makeStyles, Tab, TabList, tokens } from "@fluentui/react-components";
import type { Problem } from "../api";
import { Connections } from "./panels/Connections";
import { Problems } from "./panels/Problems";
import { RunResults } from "./panels/RunResults";
import { Signature } from "./panels/Signature";
import { Versions } from "./panels/Versions";
import { PANELS, type PanelId } from "./regions";
import type { TestRun } from "./testRun";

const useStyles = makeStyles({
  panels: { display: "grid", gap: tokens.spacingVerticalS, alignContent: "start", minWidth: 0 },
  tabs: { overflowX: "auto" },
  tab: { display: "inline-flex", gap: tokens.spacingHorizontalXS, alignItems: "center" },
});

type Props = {
  flow: string;
  problems: readonly Problem[];
  run: TestRun | null;
  panel: PanelId;
  setPanel: (panel: PanelId) => void;
  node: string;
  selectNode: (node: string) => void;
  go: (file: string, line: number) => void;
};

/** What is known of the flow, a tab each. */
export function Panels({ flow, problems, run, panel, setPanel, node, selectNode, go }: Props) {
  const styles = useStyles();
  return (
    <section className={styles.panels} aria-label="Details">
      <TabList
        className={styles.tabs}
        selectedValue={panel}
        onTabSelect={(_, { value }) => setPanel(value as PanelId)}
        aria-label="Details"
      >
        {PANELS.map(({ id, label }) => (
          <Tab key={id} value={id}>
            <span className={styles.tab}>
              {label}
              {id === "problems" && problems.length > 0 && (
                <CounterBadge count={problems.length} size="small" color="danger" />
              )}
            </span>
          </Tab>
        ))}
      </TabList>
      {panel === "problems" && <Problems flow={flow} go={go} />}
      {panel === "signature" && <Signature flow={flow} />}
      {panel === "connections" && <Connections flow={flow} />}
      {panel === "run" && <RunResults run={run} selected={node} select={selectNode} />}
      {panel === "versions" && <Versions flow={flow} />}
    </section>
  );
}
