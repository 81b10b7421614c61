import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { ExactNumber, writeJson } from "../api/exactJson";
import { drawable } from "./inputs/images";

const useStyles = makeStyles({
  list: { margin: 0, display: "grid", gap: tokens.spacingVerticalXS, minWidth: 0 },
  below: {
    marginLeft: tokens.spacingHorizontalS,
    paddingLeft: tokens.spacingHorizontalM,
    borderLeft: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  pair: { display: "flex", flexWrap: "wrap", columnGap: tokens.spacingHorizontalS },
  name: { fontWeight: tokens.fontWeightSemibold, overflowWrap: "anywhere" },
  value: { margin: 0, whiteSpace: "pre-wrap", overflowWrap: "anywhere", minWidth: 0 },
  other: { margin: 0, fontFamily: tokens.fontFamilyMonospace },
  count: { color: tokens.colorNeutralForeground2 },
  picture: { maxWidth: "100%", maxHeight: "20rem", display: "block", borderRadius: tokens.borderRadiusMedium },
  summary: { cursor: "pointer" },
});

/** How many levels are open at first. */
const OPEN = 2;

/** The fields of a value, each with its name; what lies deeper can be opened. */
export function JsonTree({
  value,
  level = 0,
}: {
  value: Record<string, unknown> | readonly unknown[];
  level?: number;
}) {
  const styles = useStyles();
  return (
    <div className={styles.list}>
      {Object.entries(value).map(([name, each]) => (
        <Entry key={name} name={name} value={each} level={level} />
      ))}
    </div>
  );
}

function Entry({ name, value, level }: { name: string; value: unknown; level: number }) {
  const styles = useStyles();
  const picture = drawable(value);
  if (picture) {
    return (
      <div className={styles.list}>
        <Text className={styles.name}>{name}</Text>
        <img src={picture} alt={name} className={styles.picture} />
      </div>
    );
  }
  if (hasFields(value)) {
    return (
      <details open={level < OPEN}>
        <summary className={styles.summary}>
          <Text className={styles.name}>{name}</Text>{" "}
          <Text size={200} className={styles.count}>
            {countOf(value)}
          </Text>
        </summary>
        <div className={styles.below}>
          <JsonTree value={value as Record<string, unknown>} level={level + 1} />
        </div>
      </details>
    );
  }
  return (
    <div className={styles.pair}>
      <Text className={styles.name}>{name}</Text>
      <Text className={typeof value === "string" ? styles.value : styles.other}>
        {typeof value === "string" ? value : writeJson(value)}
      </Text>
    </div>
  );
}

function hasFields(value: unknown): value is object {
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return false;
  return Object.keys(value).length > 0;
}

function countOf(value: object): string {
  const count = Object.keys(value).length;
  const noun = Array.isArray(value) ? ["item", "items"] : ["field", "fields"];
  return `${count} ${count === 1 ? noun[0] : noun[1]}`;
}
