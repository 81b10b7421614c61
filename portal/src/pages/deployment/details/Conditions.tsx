import { Badge, makeStyles, Text, tokens } from "@fluentui/react-components";
import { CheckmarkCircleRegular, CircleRegular } from "@fluentui/react-icons";
import type { Condition } from "../../../api/endpoints";
import { Moment } from "../../../components/Moment";
import { Section } from "../../../components/Section";

/** The phases in the server's names → in words. */
const WORDS: Record<string, string> = {
  EnvironmentBuilt: "Environment built",
  ArtifactInPlace: "Flow's files in place",
  IdentityGranted: "Identity has its roles",
  ConnectionsResolvable: "Connections resolvable",
  InstancesStarted: "Instances started",
  InstancesReady: "Instances ready",
  RouteSwitched: "Gateway switched to them",
  OldInstancesDrained: "Old instances drained",
  OldInstancesStopped: "Old instances stopped",
};

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalS },
  line: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  quiet: { color: tokens.colorNeutralForeground2 },
  why: { whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
});

/** What must hold for it to serve, in the order in which it comes about. */
export function Conditions({ conditions, isStopped }: { conditions: readonly Condition[]; isStopped: boolean }) {
  const styles = useStyles();
  if (isStopped && conditions.every(({ status }) => status)) {
    return (
      <Section title="Conditions">
        <Text>It is stopped, and nothing of it runs: Start brings it up again, step by step.</Text>
      </Section>
    );
  }
  return (
    <Section title="Conditions">
      {conditions.length === 0 && <Text>Nothing is known yet.</Text>}
      <ul className={styles.list} aria-label="Conditions">
        {conditions.map(({ type, status, reason, message, lastTransitionTime }) => (
          <li key={type}>
            <div className={styles.line}>
              <Badge
                appearance="tint"
                color={status ? "success" : "warning"}
                icon={status ? <CheckmarkCircleRegular /> : <CircleRegular />}
              >
                {status ? "Yes" : "No"}
              </Badge>
              <Text>{WORDS[type] ?? type}</Text>
              {lastTransitionTime && (
                <Text size={200} className={styles.quiet}>
                  <Moment at={lastTransitionTime} />
                </Text>
              )}
            </div>
            {!status && (reason || message) && (
              <Text size={200} block className={styles.why}>
                {[reason, message].filter(Boolean).join(": ")}
              </Text>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}
