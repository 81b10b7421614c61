import { makeStyles, Text, tokens } from "@fluentui/react-components";
import type { Stage } from "../api/notifications";
import { StateBadge } from "../components/StateBadge";

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalXXS },
  stage: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "center", flexWrap: "wrap" },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** What an operation goes through, one after the other. phase: where it is, "" when it has ended. */
export function Stages({ stages, phase }: { stages: readonly Stage[]; phase: string }) {
  const styles = useStyles();
  if (stages.length < 2) return null;
  return (
    <ol className={styles.list}>
      {stages.map((stage) => (
        <li key={stage.name} className={styles.stage}>
          <StateBadge state={stage.status} />
          <Text size={200}>{stage.name}</Text>
        </li>
      ))}
      {phase && (
        <li>
          <Text size={200} className={styles.quiet}>
            Now: {phase}
          </Text>
        </li>
      )}
    </ol>
  );
}
