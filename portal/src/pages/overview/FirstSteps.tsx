import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { CheckmarkCircleFilled, CircleRegular } from "@fluentui/react-icons";
import { Panel } from "../../components/Panel";
import { RouteLink } from "../../components/RouteLink";
import { useDeployments, useFlowNames } from "./facts";
import { type FirstStep, firstSteps } from "./firstSteps";

const useStyles = makeStyles({
  steps: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(14rem, 100%), 1fr))",
    gap: tokens.spacingHorizontalL,
    listStyle: "none",
    margin: 0,
    padding: 0,
  },
  step: { display: "grid", gridTemplateColumns: "auto 1fr", gap: tokens.spacingHorizontalS, alignItems: "start" },
  words: { display: "grid", justifyItems: "start" },
  mark: { fontSize: "20px", color: tokens.colorNeutralForeground3 },
  done: { fontSize: "20px", color: tokens.colorPaletteGreenForeground1 },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** The way to the first answer, until it has been walked. */
export function FirstSteps() {
  const styles = useStyles();
  const flows = useFlowNames().data;
  const deployments = useDeployments().data;
  if (!flows || !deployments) return null;
  const steps = firstSteps(flows, deployments);
  if (steps.every(({ done }) => done)) return null;
  return (
    <Panel title="First steps">
      <ol className={styles.steps}>
        {steps.map((step, index) => (
          <Step key={step.title} step={step} number={index + 1} />
        ))}
      </ol>
    </Panel>
  );
}

function Step({ step, number }: { step: FirstStep; number: number }) {
  const styles = useStyles();
  return (
    <li className={styles.step}>
      {step.done ? (
        <CheckmarkCircleFilled className={styles.done} aria-label="Done" />
      ) : (
        <CircleRegular className={styles.mark} aria-label="To do" />
      )}
      <span className={styles.words}>
        <RouteLink to={step.to} {...(step.search && { search: step.search })}>
          {number}. {step.title}
        </RouteLink>
        <Text size={200} className={styles.quiet}>
          {step.what}
        </Text>
      </span>
    </li>
  );
}
