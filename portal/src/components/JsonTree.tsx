import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { ExactNumber, writeJson } from "../api/exactJson";
import { drawable } from "./inputs/images";
import { LongValue } from "./LongValue";

const useStyles = makeStyles({
  list: { margin: 0, display: "grid", gap: tokens.spacingVerticalXS, minWidth: 0 },
  below: {
    marginLeft: tokens.spacingHorizontalS,
    paddingLeft: tokens.spacingHorizontalM,
    borderLeft: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  pair: { display: "flex", flexWrap: "wrap", columnGap: tokens.spacingHorizontalS },
  name: { fontWeight: tokens.fontWeightSemibold, overflowWrap: "anywhere" },
  value: { margin: 0, whiteSpace: "pre-wrap", overflowWrap: "anywhere", minWidth: 0, fontFamily: "inherit" },
  more: { justifySelf: "start" },
  other: { margin: 0, fontFamily: tokens.fontFamilyMonospace },
  count: { color: tokens.colorNeutralForeground2 },
  picture: { maxWidth: "100%", maxHeight: "20rem", display: "block", borderRadius: tokens.borderRadiusMedium },
  summary: { cursor: "pointer" },
});

/** How many levels are open at first, as far as they are small. */
const OPEN = 2;
/** So many entries of one level are shown at a time. */
const STEP = 200;
/** Where there is room for fewer, a level that has more stays closed. */
const FEW = 20;
/** A text is shown so far for each entry that there is room for. */
const CHARACTERS = 500;

type Props = {
  value: Record<string, unknown> | readonly unknown[];
  level?: number;
  /** How many entries there is room for at first, in it and below. */
  room?: number;
};

/** The fields of a value, each with its name; what lies deeper can be opened, what is long can be gone on with. */
export function JsonTree({ value, level = 0, room = STEP }: Props) {
  const styles = useStyles();
  const [shown, setShown] = useState(room);
  const count = countOf(value);
  const each = Math.floor(room / Math.max(1, Math.min(count, room)));
  return (
    <div className={styles.list}>
      {entriesOf(value, shown).map(([name, entry]) => (
        <Entry key={name} name={name} value={entry} level={level} room={each} />
      ))}
      {count > shown && (
        <Button size="small" className={styles.more} onClick={() => setShown(shown + STEP)}>
          Show more of {spoken(value)}
        </Button>
      )}
    </div>
  );
}

function entriesOf(value: Props["value"], most: number): [string, unknown][] {
  if (Array.isArray(value)) return value.slice(0, most).map((each, index) => [String(index), each]);
  const fields = value as Record<string, unknown>;
  return Object.keys(fields)
    .slice(0, most)
    .map((name) => [name, fields[name]]);
}

function Entry({ name, value, level, room }: { name: string; value: unknown; level: number; room: number }) {
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
  if (hasFields(value)) return <Branch name={name} value={value} level={level} room={room} />;
  const most = Math.max(1, room) * CHARACTERS;
  if (typeof value === "string" && value.length > most) {
    return (
      <div className={styles.list}>
        <Text className={styles.name}>{name}</Text>
        <LongValue value={value} what={name} className={styles.value} first={most} />
      </div>
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

/** What is closed is not drawn. */
function Branch({ name, value, level, room }: { name: string; value: Props["value"]; level: number; room: number }) {
  const styles = useStyles();
  const [begun] = useState(level < OPEN && (room >= FEW || countOf(value) <= room));
  const [open, setOpen] = useState(begun);
  return (
    <details open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary className={styles.summary}>
        <Text className={styles.name}>{name}</Text>{" "}
        <Text size={200} className={styles.count}>
          {spoken(value)}
        </Text>
      </summary>
      {open && (
        <div className={styles.below}>
          <JsonTree value={value} level={level + 1} {...(begun && { room })} />
        </div>
      )}
    </details>
  );
}

function hasFields(value: unknown): value is Props["value"] {
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return false;
  return countOf(value) > 0;
}

function countOf(value: object): number {
  return Array.isArray(value) ? value.length : Object.keys(value).length;
}

function spoken(value: object): string {
  const count = countOf(value);
  const noun = Array.isArray(value) ? ["item", "items"] : ["field", "fields"];
  return `${count} ${count === 1 ? noun[0] : noun[1]}`;
}
