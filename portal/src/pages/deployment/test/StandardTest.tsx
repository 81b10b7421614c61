import { Button, makeStyles, Subtitle1, Text, tokens } from "@fluentui/react-components";
import { PlayRegular, StopRegular } from "@fluentui/react-icons";
import { type ReactNode, useState } from "react";
import { beginDraft, firstFault } from "../../../components/inputs/draft";
import { InputsEditor } from "../../../components/inputs/InputsEditor";
import type { Signature } from "../../../components/inputs/signature";
import { Result } from "./Result";
import { useRun } from "./run";
import { score, type Target } from "./scoring";

type Props = { signature: Signature; target: Target; refusal: ReactNode };

const useStyles = makeStyles({
  place: {
    display: "grid",
    gap: tokens.spacingHorizontalXXL,
    gridTemplateColumns: "minmax(0, 1fr) minmax(0, 1fr)",
    "@media (max-width: 1000px)": { gridTemplateColumns: "minmax(0, 1fr)" },
  },
  part: { display: "grid", gap: tokens.spacingVerticalM, alignContent: "start", minWidth: 0 },
  // In sight however many inputs there are.
  row: {
    position: "sticky",
    bottom: 0,
    padding: `${tokens.spacingVerticalS} 0`,
    backgroundColor: tokens.colorNeutralBackground2,
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalM,
    alignItems: "center",
  },
  wrong: { color: tokens.colorPaletteRedForeground1 },
});

/** A form for the flow's inputs, and what it answers. */
export function StandardTest({ signature, target, refusal }: Props) {
  const styles = useStyles();
  const { inputs, sample, messageFormat } = signature;
  const [draft, setDraft] = useState(() => beginDraft(inputs, sample));
  const { run, start, stop } = useRun((values, signal) => score(target, values, signal));
  const wrong = firstFault(draft, inputs);
  return (
    <>
      {refusal}
      <div className={styles.place}>
        <section className={styles.part} aria-labelledby="test-inputs">
          <Subtitle1 as="h2" id="test-inputs">
            Inputs
          </Subtitle1>
          <InputsEditor inputs={inputs} draft={draft} onChange={setDraft} format={messageFormat} />
          <div className={styles.row}>
            {run?.state === "running" ? (
              <Button icon={<StopRegular />} onClick={stop}>
                Stop
              </Button>
            ) : (
              <Button
                appearance="primary"
                icon={<PlayRegular />}
                disabledFocusable={Boolean(wrong || refusal)}
                onClick={() => start(draft.values)}
              >
                Test
              </Button>
            )}
            {wrong && (
              <Text className={styles.wrong} role="status">
                {wrong}
              </Text>
            )}
          </div>
        </section>
        <section className={styles.part} aria-labelledby="test-result">
          <Subtitle1 as="h2" id="test-result">
            Result
          </Subtitle1>
          <Result run={run} />
        </section>
      </div>
    </>
  );
}
