import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import { useMemo, useState } from "react";
import { beginningOf, blocksOf, wholeOf } from "./beginning";
import { painted } from "./painted";
import { saveAs } from "./saveAs";

/** So many characters more are shown at a time. */
const STEP = 100_000;
/** What is not in sight costs nothing, block by block. */
const BLOCK = 10_000;

const useStyles = makeStyles({
  place: { display: "grid", gridTemplateColumns: "minmax(0, 1fr)", gap: tokens.spacingVerticalS, minWidth: 0 },
  block: { display: "block", contentVisibility: "auto", containIntrinsicHeight: "auto 2000px" },
  line: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalS },
  quiet: { color: tokens.colorNeutralForeground2 },
});

type Props = {
  /** A text as it is, anything else as JSON. */
  value: unknown;
  /** What it is, as in "result"; also the name of its file. */
  what: string;
  /** Of the text. */
  className: string;
  /** Whether the text scrolls by itself. */
  scrolls?: boolean;
  /** How many characters are shown at first. */
  first?: number;
};

/** A value however large it is: its beginning, and more of it when it is asked for. */
export function LongValue({ value, what, className, scrolls = false, first = STEP }: Props) {
  const styles = useStyles();
  const [limit, setLimit] = useState(first);
  const { text, whole } = useMemo(() => beginningOf(value, limit), [value, limit]);
  const blocks = useMemo(() => blocksOf(text, BLOCK), [text]);
  return (
    <div className={styles.place}>
      <pre className={className} {...(scrolls && { tabIndex: 0 })}>
        {blocks.length < 2
          ? text
          : blocks.map((block, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: blocks of one text, which stay in their order
              <span key={index} className={styles.block}>
                {block}
              </span>
            ))}
      </pre>
      {!whole && (
        <div className={styles.line}>
          <Text size={200} className={styles.quiet}>
            The first {limit.toLocaleString("en")} characters are shown.
          </Text>
          <Button size="small" onClick={() => setLimit(limit < STEP ? STEP : limit + STEP)}>
            Show more
          </Button>
          <Button size="small" icon={<ArrowDownloadRegular />} onClick={() => void download(value, what)}>
            Download
          </Button>
        </div>
      )}
    </div>
  );
}

async function download(value: unknown, what: string): Promise<void> {
  await painted();
  const [type, ending] = typeof value === "string" ? ["text/plain", "txt"] : ["application/json", "json"];
  saveAs(new Blob([wholeOf(value)], { type }), `${what}.${ending}`);
}

/** For a copy button: written when it is asked for, for that may take long. */
export async function textToCopy(value: unknown): Promise<string> {
  await painted();
  return wholeOf(value);
}
