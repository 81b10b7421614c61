import { makeStyles, tokens } from "@fluentui/react-components";

const useStyles = makeStyles({
  list: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalXS,
    margin: 0,
    padding: 0,
    listStyle: "none",
  },
  tag: {
    padding: `0 ${tokens.spacingHorizontalS}`,
    borderRadius: tokens.borderRadiusMedium,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground3,
    overflowWrap: "anywhere",
  },
});

/** Names with values, to look at; nothing when there are none. */
export function Tags({ value }: { value: Record<string, string> | null | undefined }) {
  const styles = useStyles();
  const pairs = Object.entries(value ?? {});
  if (pairs.length === 0) return null;
  return (
    <ul className={styles.list}>
      {pairs.map(([name, text]) => (
        <li key={name} className={styles.tag}>
          {text ? `${name}: ${text}` : name}
        </li>
      ))}
    </ul>
  );
}
