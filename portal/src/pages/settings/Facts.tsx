import { makeStyles, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { CopyButton } from "../../components/CopyButton";

export type Fact = { label: string; value: ReactNode /** What the copy button takes. */; copy?: string };

const useStyles = makeStyles({
  facts: {
    display: "grid",
    gridTemplateColumns: "minmax(8rem, max-content) 1fr",
    gap: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalXL}`,
    alignItems: "center",
    margin: 0,
    "& dt": { color: tokens.colorNeutralForeground2 },
    "& dd": { margin: 0, minWidth: 0, overflowWrap: "anywhere" },
    "@media (max-width: 640px)": { gridTemplateColumns: "1fr", gap: tokens.spacingVerticalXS },
  },
});

export function Facts({ facts }: { facts: readonly Fact[] }) {
  const styles = useStyles();
  return (
    <dl className={styles.facts}>
      {facts.map(({ label, value, copy }) => (
        <FactLine key={label} label={label} value={value} {...(copy && { copy })} />
      ))}
    </dl>
  );
}

function FactLine({ label, value, copy }: Fact) {
  return (
    <>
      <dt>{label}</dt>
      <dd>
        {value} {copy && <CopyButton text={copy} what={label.toLowerCase()} />}
      </dd>
    </>
  );
}
