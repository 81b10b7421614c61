import { makeStyles, ProgressBar, tokens } from "@fluentui/react-components";
import { useNotifications } from "../../../api/notifications";
import { Section } from "../../../components/Section";
import { Stages } from "../../../shell/Stages";

const useStyles = makeStyles({ progress: { display: "grid", gap: tokens.spacingVerticalS } });

/** How far the operation is that changes this very resource; nothing while there is none. id: its ARM id. */
export function Progress({ id }: { id: string }) {
  const styles = useStyles();
  const running = useNotifications().data?.find(
    ({ properties }) => properties.status === "InProgress" && properties.resourceId.toLowerCase() === id.toLowerCase(),
  );
  if (!running) return null;
  const { title, percentComplete, stages, phase } = running.properties;
  return (
    <Section title={title}>
      <div className={styles.progress}>
        <ProgressBar value={percentComplete / 100} aria-label={title} />
        <Stages stages={stages} phase={phase} />
      </div>
    </Section>
  );
}
