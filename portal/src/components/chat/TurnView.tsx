import { Button, makeStyles, Spinner, Text, ToggleButton, Tooltip, tokens } from "@fluentui/react-components";
import {
  ArrowClockwiseRegular,
  ThumbDislikeFilled,
  ThumbDislikeRegular,
  ThumbLikeFilled,
  ThumbLikeRegular,
} from "@fluentui/react-icons";
import { memo, useDeferredValue, useState } from "react";
import { CopyButton } from "../CopyButton";
import { durationOf } from "../duration";
import { LongValue } from "../LongValue";
import { Markdown } from "../Markdown";
import { Failure } from "../states";
import { answerOf, restOf, type Shown, type Turn, textOf, type Verdict } from "./turns";

/** A longer answer is shown as it was written: to read it as Markdown would take too long. */
const MOST_MARKDOWN = 50_000;

type Props = {
  turn: Turn;
  /** Name of the chat's output. */
  output: string | null;
  onVerdict?: (verdict: Verdict) => Promise<void>;
  headingOf?: (failure: unknown) => string;
  /** Of the last turn: asks again. */
  onRetry?: () => void;
};

const useStyles = makeStyles({
  turn: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0 },
  asked: {
    justifySelf: "end",
    maxWidth: "85%",
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalM}`,
    borderRadius: tokens.borderRadiusXLarge,
    backgroundColor: tokens.colorBrandBackground2,
    color: tokens.colorNeutralForeground1,
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
  },
  answer: { display: "grid", gap: tokens.spacingVerticalS, minWidth: 0 },
  picture: { maxWidth: "100%", maxHeight: "24rem", borderRadius: tokens.borderRadiusMedium, display: "block" },
  data: {
    margin: 0,
    overflowX: "auto",
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
  },
  words: { margin: 0, whiteSpace: "pre-wrap", overflowWrap: "anywhere", fontFamily: "inherit" },
  foot: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalXS },
  quiet: { color: tokens.colorNeutralForeground2 },
  about: { color: tokens.colorNeutralForeground2, marginLeft: tokens.spacingHorizontalS, overflowWrap: "anywhere" },
});

/** What was asked, and the answer to it. */
export const TurnView = memo(function TurnView({ turn, output, onVerdict, headingOf, onRetry }: Props) {
  const styles = useStyles();
  const outputs = useDeferredValue(turn.outputs);
  const shown = answerOf(outputs, output);
  const rest = restOf(outputs, output);
  const ended = turn.state !== "answering";
  return (
    <div className={styles.turn}>
      <div className={styles.asked}>
        {turn.pictures.map((url, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same picture may be there twice
          <img key={index} src={url} alt={`Attachment ${index + 1}`} className={styles.picture} />
        ))}
        {turn.text}
      </div>
      <article className={styles.answer} aria-label="Answer" aria-busy={!ended}>
        {shown.map((each, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts of an answer only grow
          <Part key={index} part={each} />
        ))}
        {!ended && shown.length === 0 && <Spinner size="tiny" label="Waiting for the answer" labelPosition="after" />}
        {turn.state === "stopped" && (
          <Text size={200} italic className={styles.quiet}>
            You stopped this answer.
          </Text>
        )}
        {turn.state === "done" && shown.length === 0 && (
          <Text italic className={styles.quiet}>
            The flow answered nothing.
          </Text>
        )}
        {turn.state === "failed" && (
          <Failure title={headingOf?.(turn.failure) ?? "No answer."} failure={turn.failure} />
        )}
        {Object.keys(rest).length > 0 && (
          <details>
            <summary>Other outputs</summary>
            <LongValue value={rest} what="outputs" className={styles.data} />
          </details>
        )}
        {ended && <Foot turn={turn} output={output} {...(onVerdict && { onVerdict })} {...(onRetry && { onRetry })} />}
      </article>
    </div>
  );
});

function Part({ part }: { part: Shown }) {
  const styles = useStyles();
  if (part.kind === "picture") return <img src={part.url} alt="Answer" className={styles.picture} />;
  if (part.kind === "data") return <LongValue value={part.value} what="answer" className={styles.data} />;
  if (part.text.length > MOST_MARKDOWN) return <LongValue value={part.text} what="answer" className={styles.words} />;
  return <Markdown text={part.text} />;
}

const THUMBS = [
  { verdict: "up", label: "Good answer", icon: <ThumbLikeRegular />, chosen: <ThumbLikeFilled /> },
  { verdict: "down", label: "Bad answer", icon: <ThumbDislikeRegular />, chosen: <ThumbDislikeFilled /> },
] as const;

function Foot({ turn, output, onVerdict, onRetry }: Omit<Props, "headingOf">) {
  const styles = useStyles();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const judge = async (verdict: Verdict) => {
    setBusy(true);
    setFailure(null);
    try {
      await onVerdict?.(verdict);
    } catch (thrown) {
      setFailure(thrown);
    }
    setBusy(false);
  };
  return (
    <>
      <div className={styles.foot}>
        {turn.state !== "failed" && <CopyButton text={async () => textOf(turn.outputs, output)} what="answer" />}
        {turn.state === "done" &&
          onVerdict &&
          THUMBS.map(({ verdict, label, icon, chosen }) => (
            <Tooltip key={verdict} content={label} relationship="label">
              <ToggleButton
                size="small"
                appearance="subtle"
                checked={turn.verdict === verdict}
                disabled={busy}
                icon={turn.verdict === verdict ? chosen : icon}
                onClick={() => void judge(verdict)}
              />
            </Tooltip>
          ))}
        {onRetry && (
          <Button size="small" appearance="subtle" icon={<ArrowClockwiseRegular />} onClick={onRetry}>
            {turn.state === "done" ? "Ask again" : "Retry"}
          </Button>
        )}
        <Text size={200} className={styles.about}>
          {[durationOf(turn.tookMs), turn.about.requestId && `request ${turn.about.requestId}`]
            .filter(Boolean)
            .join(" · ")}
        </Text>
        {turn.verdict && (
          <Text size={200} role="status" className={styles.quiet}>
            Thank you. {turn.told}
          </Text>
        )}
      </div>
      {failure !== null && <Failure title="The feedback was not taken." failure={failure} />}
    </>
  );
}
