import { Badge, makeStyles, Spinner, Tab, TabList, Text, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { CopyButton } from "../../../components/CopyButton";
import { durationOf } from "../../../components/duration";
import { JsonTree } from "../../../components/JsonTree";
import { LongValue, textToCopy } from "../../../components/LongValue";
import { Failure } from "../../../components/states";
import type { Run } from "./run";
import { headingOf } from "./scoring";

const useStyles = makeStyles({
  part: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0 },
  facts: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "center" },
  fact: { display: "inline-flex", alignItems: "center", overflowWrap: "anywhere" },
  quiet: { color: tokens.colorNeutralForeground2 },
  json: {
    margin: 0,
    padding: tokens.spacingHorizontalM,
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
  },
  tabs: { display: "flex", alignItems: "center", justifyContent: "space-between" },
});

/** What a try of the flow gave, as it comes. */
export function Result({ run }: { run: Run | null }) {
  const styles = useStyles();
  if (!run) {
    return <Text className={styles.quiet}>Fill in the inputs and select Test. The flow's answer appears here.</Text>;
  }
  return (
    <div className={styles.part} aria-live="polite" aria-busy={run.state === "running"}>
      <Facts run={run} />
      {run.state === "failed" && <Failure title={headingOf(run.failure)} failure={run.failure} />}
      {run.state === "stopped" && <Text>You stopped this test.</Text>}
      {Object.keys(run.outputs).length > 0 && <Outputs outputs={run.outputs} />}
    </div>
  );
}

function Facts({ run }: { run: Run }) {
  const styles = useStyles();
  const { status, requestId, deployment } = run.about;
  return (
    <div className={styles.facts}>
      {run.state === "running" && <Spinner size="tiny" label="Running" />}
      {status && run.state !== "running" && (
        <Badge appearance="tint" color={run.state === "failed" ? "danger" : "success"}>
          Status {status}
        </Badge>
      )}
      {run.state !== "running" && <Text>{durationOf(run.tookMs)}</Text>}
      {deployment && <Text className={styles.quiet}>answered by {deployment}</Text>}
      {requestId && (
        <Text size={200} className={styles.fact}>
          Request id {requestId}
          <CopyButton text={requestId} what="request id" />
        </Text>
      )}
    </div>
  );
}

const VIEWS = ["Tree", "JSON"] as const;

function Outputs({ outputs }: { outputs: Run["outputs"] }) {
  const styles = useStyles();
  const [view, setView] = useState<(typeof VIEWS)[number]>("Tree");
  return (
    <div className={styles.part}>
      <div className={styles.tabs}>
        <TabList
          size="small"
          aria-label="View of the result"
          selectedValue={view}
          onTabSelect={(_, { value }) => setView(value as typeof view)}
        >
          {VIEWS.map((each) => (
            <Tab key={each} value={each}>
              {each}
            </Tab>
          ))}
        </TabList>
        <CopyButton text={() => textToCopy(outputs)} what="result" />
      </div>
      {view === "Tree" ? (
        <JsonTree value={outputs} />
      ) : (
        <LongValue value={outputs} what="result" className={styles.json} />
      )}
    </div>
  );
}
