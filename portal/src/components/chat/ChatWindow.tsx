import {
  Button,
  DrawerBody,
  DrawerHeader,
  DrawerHeaderTitle,
  makeStyles,
  OverlayDrawer,
  Subtitle1,
  Text,
  tokens,
} from "@fluentui/react-components";
import { ArrowResetRegular, DismissRegular, SettingsRegular } from "@fluentui/react-icons";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { beginDraft, firstFault } from "../inputs/draft";
import { InputsForm } from "../inputs/InputsForm";
import { besideChat, type Signature } from "../inputs/signature";
import { FocusBack } from "../useFocusBack";
import { Composer } from "./Composer";
import { useConversation } from "./conversation";
import { TurnView } from "./TurnView";
import { type Send, type Turn, takesPictures, type Verdict } from "./turns";

type Props = {
  /** Of a chat flow. */
  signature: Signature;
  send: Send;
  /** Sends what the person thinks of an answer and tells what became of it; without it there are no thumbs. */
  onVerdict?: (turn: Turn, verdict: Verdict) => Promise<string>;
  /** Why nothing can be asked now, and what to do; said in the place of the first answer. */
  refusal?: ReactNode;
  /** What an answer that failed is headed with. */
  headingOf?: (failure: unknown) => string;
  /** CSS height; without it, the window fills a page below its title and tabs. */
  height?: string;
};

/** By the window's own width, which stands beside other things here and there. */
const NARROW = "@container (max-width: 44rem)";

const useStyles = makeStyles({
  window: {
    containerType: "inline-size",
    height: "max(24rem, calc(100dvh - 16rem))",
    // Where the page's buttons stand below its title.
    "@media (max-width: 800px)": { height: "max(22rem, calc(100dvh - 19rem))" },
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr) auto",
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    backgroundColor: tokens.colorNeutralBackground1,
    overflow: "hidden",
  },
  talk: { display: "grid", gridTemplateRows: "auto minmax(0, 1fr) auto", minHeight: 0, minWidth: 0 },
  head: {
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalS,
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalM}`,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  space: { flexGrow: 1 },
  log: { overflowY: "auto", minHeight: 0, outlineOffset: "-2px" },
  turns: {
    display: "grid",
    alignContent: "start",
    gap: tokens.spacingVerticalXL,
    maxWidth: "52rem",
    margin: "0 auto",
    padding: `${tokens.spacingVerticalL} ${tokens.spacingHorizontalL}`,
  },
  empty: {
    display: "grid",
    justifyItems: "center",
    gap: tokens.spacingVerticalS,
    textAlign: "center",
    padding: `${tokens.spacingVerticalXXXL} ${tokens.spacingHorizontalL}`,
    color: tokens.colorNeutralForeground2,
  },
  pane: {
    width: "19rem",
    overflowY: "auto",
    minHeight: 0,
    display: "grid",
    alignContent: "start",
    gap: tokens.spacingVerticalM,
    padding: tokens.spacingHorizontalM,
    boxSizing: "border-box",
    borderLeft: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground2,
    [NARROW]: { display: "none" },
  },
  paneHint: { color: tokens.colorNeutralForeground2 },
  narrow: { display: "none", [NARROW]: { display: "inline-flex" } },
});

/** Talk to a chat flow: the messages, a box to write in, and at the right side the flow's other inputs. */
export function ChatWindow({ signature, send, onVerdict, refusal, headingOf, height }: Props) {
  const styles = useStyles();
  const { chat, inputs, messageFormat: format, sample } = signature;
  const parts = chat ?? { input: null, history: null, output: null };
  const type = inputs.find(({ name }) => name === parts.input)?.type ?? "string";
  const others = besideChat(inputs);
  const [draft, setDraft] = useState(() => beginDraft(others, onlyOf(sample, others)));
  const [drawer, setDrawer] = useState(false);
  const talk = useConversation({ chat: parts, type, format, send });
  const wrong = firstFault(draft, others);
  const refused = refusal ?? (wrong && <Text>The Inputs pane has a mistake. {wrong}</Text>);
  const form = <InputsForm inputs={others} draft={draft} onChange={setDraft} format={format} />;
  const log = useFollowed(talk.turns);

  const judge = async (turn: Turn, verdict: Verdict) => {
    if (onVerdict) talk.note(turn.id, { verdict, told: await onVerdict(turn, verdict) });
  };
  return (
    <section className={styles.window} style={height ? { height } : {}} aria-label="Chat">
      <div className={styles.talk}>
        <div className={styles.head}>
          <Text weight="semibold">Chat</Text>
          <div className={styles.space} />
          {others.length > 0 && (
            <Button className={styles.narrow} icon={<SettingsRegular />} onClick={() => setDrawer(true)}>
              Inputs
            </Button>
          )}
          <Button
            appearance="subtle"
            icon={<ArrowResetRegular />}
            disabled={talk.turns.length === 0}
            onClick={talk.restart}
          >
            Restart
          </Button>
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keyboard */}
        <div ref={log} className={styles.log} role="log" aria-label="Messages" aria-busy={talk.busy} tabIndex={0}>
          {talk.turns.length === 0 ? (
            <div className={styles.empty}>
              <Text size={400} weight="semibold">
                Ask the flow something
              </Text>
              <Text>
                What you write goes to its input {parts.input}
                {parts.history ? `, what was said before to ${parts.history}.` : "."}
              </Text>
            </div>
          ) : (
            <div className={styles.turns}>
              {talk.turns.map((turn, index) => (
                <TurnView
                  key={turn.id}
                  turn={turn}
                  output={parts.output}
                  {...(headingOf && { headingOf })}
                  {...(onVerdict && { onVerdict: (verdict: Verdict) => judge(turn, verdict) })}
                  {...(index === talk.turns.length - 1 && { onRetry: () => talk.retry(draft.values) })}
                />
              ))}
            </div>
          )}
        </div>
        <Composer
          label={parts.input ?? "Message"}
          pictures={takesPictures(type)}
          busy={talk.busy}
          refusal={refused}
          onSend={(message) => talk.ask(message, draft.values)}
          onStop={talk.stop}
        />
      </div>
      {others.length > 0 && (
        <aside className={styles.pane} aria-label="Inputs">
          <Subtitle1 as="h2">Inputs</Subtitle1>
          <Text size={200} className={styles.paneHint}>
            Sent with each message.
          </Text>
          {!drawer && form}
        </aside>
      )}
      <OverlayDrawer open={drawer} onOpenChange={(_, change) => setDrawer(change.open)} position="end" size="small">
        <DrawerHeader>
          <DrawerHeaderTitle
            action={
              <Button
                appearance="subtle"
                icon={<DismissRegular />}
                aria-label="Close inputs"
                onClick={() => setDrawer(false)}
              />
            }
          >
            Inputs
          </DrawerHeaderTitle>
        </DrawerHeader>
        <FocusBack />
        <DrawerBody>{form}</DrawerBody>
      </OverlayDrawer>
    </section>
  );
}

const NEAR_PX = 80;

/** A place that shows its end as it grows, until the person scrolls up. */
function useFollowed(turns: readonly Turn[]) {
  const place = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const count = useRef(0);
  useEffect(() => {
    const shown = place.current;
    if (!shown) return;
    const noted = () => {
      follows.current = shown.scrollHeight - shown.scrollTop - shown.clientHeight < NEAR_PX;
    };
    shown.addEventListener("scroll", noted);
    // It may have grown while it was out of sight, where nothing scrolls.
    const sizes = new ResizeObserver(() => follows.current && shown.scrollTo({ top: shown.scrollHeight }));
    sizes.observe(shown);
    return () => {
      shown.removeEventListener("scroll", noted);
      sizes.disconnect();
    };
  }, []);
  useEffect(() => {
    if (turns.length !== count.current) follows.current = true;
    count.current = turns.length;
    if (follows.current) place.current?.scrollTo({ top: place.current.scrollHeight });
  }, [turns]);
  return place;
}

function onlyOf(sample: Record<string, unknown>, inputs: readonly { name: string }[]): Record<string, unknown> {
  return Object.fromEntries(inputs.filter(({ name }) => name in sample).map(({ name }) => [name, sample[name]]));
}
