import { makeStyles, Text, tokens } from "@fluentui/react-components";
import type { Stage } from "../api/notifications";
import { StateBadge } from "../components/StateBadge";

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalXXS },
  stage: {
    display: "grid",
    gridTemplateColumns: "6.5rem minmax(0, 1fr)",
    gap: tokens.spacingHorizontalS,
    alignItems: "baseline",
  },
  words: { display: "flex", flexWrap: "wrap", columnGap: tokens.spacingHorizontalS, alignItems: "baseline" },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** What each phase of a deployment does. */
const PHASES: Record<string, string> = {
  EnvironmentBuilt: "building the environment",
  ArtifactInPlace: "putting the model's files in place",
  IdentityGranted: "checking the identity's roles",
  ConnectionsResolvable: "reading the connections",
  InstancesStarted: "starting the instances",
  InstancesReady: "waiting until the instances are ready",
  RouteSwitched: "sending requests to them",
  OldInstancesDrained: "letting the old instances finish their requests",
  OldInstancesStopped: "stopping the old instances",
};

/** What an operation goes through, one after the other. phase: where it is, "" when it has ended. */
export function Stages({ stages, phase }: { stages: readonly Stage[]; phase: string }) {
  const styles = useStyles();
  if (stages.length < 2) return null;
  return (
    <ol className={styles.list} aria-label="Stages">
      {stages.map((stage) => (
        <li key={stage.name} className={styles.stage}>
          <span>
            <StateBadge state={stage.status} />
          </span>
          <span className={styles.words}>
            <Text>{stage.name}</Text>
            <Text size={200} className={styles.quiet}>
              {tookOf(stage)}
            </Text>
          </span>
        </li>
      ))}
      {phase && (
        <li>
          <Text size={200} className={styles.quiet}>
            Now: {PHASES[phase] ?? phase}
          </Text>
        </li>
      )}
    </ol>
  );
}

/** From when to when, for the eye: `19:03:01, 2.4 s`. */
export function tookOf({ startTime, endTime }: Stage): string {
  if (!startTime) return "";
  const start = new Date(startTime);
  const seconds = endTime ? (new Date(endTime).getTime() - start.getTime()) / 1000 : Number.NaN;
  const clock = start.toLocaleTimeString("en", { hour12: false });
  return Number.isNaN(seconds) ? clock : `${clock}, ${seconds.toFixed(1)} s`;
}
