import { makeStyles, mergeClasses, Text, tokens } from "@fluentui/react-components";
import { NARROW } from "./layout";
import { PAGES, REVIEW, type StepId } from "./pages";

const STEPS = [...PAGES, { ...REVIEW, advanced: false }];

const useStyles = makeStyles({
  list: {
    listStyle: "none",
    margin: 0,
    padding: 0,
    display: "grid",
    gap: tokens.spacingVerticalXXS,
    alignContent: "start",
  },
  wide: { [NARROW]: { display: "none" } },
  narrow: { display: "none", color: tokens.colorNeutralForeground2, [NARROW]: { display: "block" } },
  step: {
    width: "100%",
    textAlign: "start",
    border: 0,
    borderLeft: "3px solid transparent",
    borderRadius: tokens.borderRadiusMedium,
    padding: `${tokens.spacingVerticalSNudge} ${tokens.spacingHorizontalM}`,
    background: "none",
    cursor: "pointer",
    color: tokens.colorNeutralForeground2,
    fontFamily: tokens.fontFamilyBase,
    fontSize: tokens.fontSizeBase300,
    ":hover": { backgroundColor: tokens.colorSubtleBackgroundHover },
  },
  advanced: { paddingLeft: tokens.spacingHorizontalXXL },
  here: {
    color: tokens.colorNeutralForeground1,
    fontWeight: tokens.fontWeightSemibold,
    borderLeftColor: tokens.colorBrandStroke1,
    backgroundColor: tokens.colorSubtleBackgroundSelected,
  },
  heading: {
    padding: `${tokens.spacingVerticalSNudge} ${tokens.spacingHorizontalM}`,
    color: tokens.colorNeutralForeground3,
  },
});

/** Where one is; each step can be gone to. */
export function Steps({ here, onGo }: { here: StepId; onGo: (step: StepId) => void }) {
  const styles = useStyles();
  const number = STEPS.findIndex((step) => step.id === here) + 1;
  return (
    <nav aria-label="Steps">
      <Text className={styles.narrow}>
        Step {number} of {STEPS.length}
      </Text>
      <ol className={mergeClasses(styles.list, styles.wide)}>
        {STEPS.map((step, index) => (
          <li key={step.id}>
            {step.advanced && !STEPS[index - 1]?.advanced && <div className={styles.heading}>Advanced settings</div>}
            <button
              type="button"
              className={mergeClasses(styles.step, step.advanced && styles.advanced, step.id === here && styles.here)}
              onClick={() => onGo(step.id)}
              {...(step.id === here && { "aria-current": "step" as const })}
            >
              {step.label}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
