import { makeStyles, mergeClasses, Text, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";

/** wide: its value is long. */
export type Fact = { label: string; value: ReactNode; wide?: boolean };

const useStyles = makeStyles({
  list: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fill, minmax(min(100%, 18rem), 1fr))",
    gap: `${tokens.spacingVerticalM} ${tokens.spacingHorizontalXL}`,
    margin: 0,
  },
  fact: { minWidth: 0 },
  wide: { "@media (min-width: 900px)": { gridColumn: "span 2" } },
  label: { color: tokens.colorNeutralForeground2, fontSize: tokens.fontSizeBase200 },
  value: {
    margin: 0,
    overflowWrap: "anywhere",
    display: "flex",
    flexWrap: "wrap",
    alignItems: "center",
    gap: "0.25rem",
    // The copy button stays beside a long value.
    "&:has(> .fui-Button:last-child)": { flexWrap: "nowrap" },
  },
  none: { color: tokens.colorNeutralForeground3 },
});

/** What is known of something: label and value each. */
export function Facts({ facts, className }: { facts: readonly Fact[]; className?: string }) {
  const styles = useStyles();
  return (
    <dl className={mergeClasses(styles.list, className)}>
      {facts.map(({ label, value, wide }) => (
        <div key={label} className={mergeClasses(styles.fact, wide && styles.wide)}>
          <dt className={styles.label}>{label}</dt>
          <dd className={styles.value}>{value || <Text className={styles.none}>None</Text>}</dd>
        </div>
      ))}
    </dl>
  );
}

type Pair = readonly [label: string, value: ReactNode, wide?: boolean];

/** Pairs of label and value as facts; those without a value are left out. */
export function knownFacts(pairs: readonly Pair[]): Fact[] {
  return pairs
    .filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "")
    .map(([label, value, wide = false]) => ({ label, value, wide }));
}
