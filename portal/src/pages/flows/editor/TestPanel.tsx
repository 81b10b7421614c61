import {
  Accordion,
  AccordionHeader,
  AccordionItem,
  AccordionPanel,
  Button,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { PlayRegular, StopRegular } from "@fluentui/react-icons";
import { useEffect, useRef, useState } from "react";
import { errorOfRefusal, useRefusal } from "../../../api/may";
import { Allowed } from "../../../components/Allowed";
import { ChatWindow } from "../../../components/chat/ChatWindow";
import type { Send } from "../../../components/chat/turns";
import { beginDraft, faults } from "../../../components/inputs/draft";
import { InputsEditor } from "../../../components/inputs/InputsEditor";
import { type Signature, signatureOf } from "../../../components/inputs/signature";
import { Failure, Loaded } from "../../../components/states";
import { type Pairs, TagsEditor } from "../../../components/TagsEditor";
import { type Examined, useExamined } from "../api";
import { Value } from "./panels/RunResults";
import type { TestRun } from "./testRun";

const useStyles = makeStyles({
  panel: {
    display: "grid",
    gridTemplateRows: "minmax(0, 1fr) auto",
    gap: tokens.spacingVerticalS,
    minHeight: 0,
    minWidth: 0,
  },
  content: { overflowY: "auto", minHeight: 0, minWidth: 0 },
  form: { display: "grid", gap: tokens.spacingVerticalM, alignContent: "start" },
  buttons: { display: "flex", gap: tokens.spacingHorizontalS },
  hint: { color: tokens.colorNeutralForeground2 },
});

type Props = {
  flow: string;
  run: TestRun | null;
  send: Send;
  variables: Pairs;
  setVariables: (variables: Pairs) => void;
};

/** The flow tried out before it is deployed: a chat, or its inputs and a button. */
export function TestPanel({ flow, run, send, variables, setVariables }: Props) {
  const styles = useStyles();
  const query = useExamined(flow);
  const isChat = Boolean(query.data?.flow?.chat);
  return (
    <section className={styles.panel} aria-label={isChat ? "Chat" : "Test"}>
      <div className={styles.content}>
        <Loaded query={query}>
          {({ flow: described, valid }) =>
            described ? (
              <Way flow={flow} signature={signatureOf(described)} valid={valid} run={run} send={send} />
            ) : (
              <Invalid />
            )
          }
        </Loaded>
      </div>
      <Accordion collapsible>
        <AccordionItem value="variables">
          <AccordionHeader size="small">Environment variables</AccordionHeader>
          <AccordionPanel>
            <Text block size={200} className={styles.hint}>
              Of test runs alone, until you leave this page; they are not saved with the flow.
            </Text>
            <TagsEditor noun="environment variable" value={variables} onChange={setVariables} />
          </AccordionPanel>
        </AccordionItem>
      </Accordion>
    </section>
  );
}

type WayProps = { flow: string; signature: Signature; valid: Examined["valid"]; run: TestRun | null; send: Send };

function Way({ flow, signature, valid, run, send }: WayProps) {
  const refused = useRefusal("flows/test/action", `/flows/${flow}`);
  if (!signature.chat) {
    const key = JSON.stringify([signature.inputs, signature.sample]);
    return <Form key={key} flow={flow} signature={signature} valid={valid} run={run} send={send} />;
  }
  return (
    <ChatWindow
      // Other inputs are another conversation.
      key={JSON.stringify([signature.chat, signature.inputs])}
      signature={signature}
      send={send}
      height="100%"
      {...(refused && { refusal: <Failure failure={errorOfRefusal(refused)} /> })}
      {...(!valid && { refusal: <Invalid /> })}
    />
  );
}

function Invalid() {
  return <Text>The flow cannot run yet. Mend what its problems name, and save.</Text>;
}

/** Of a flow that is no chat. */
function Form({ flow, signature, valid, run, send }: WayProps) {
  const styles = useStyles();
  const { inputs, sample, messageFormat } = signature;
  const [draft, setDraft] = useState(() => beginDraft(inputs, sample));
  const [failure, setFailure] = useState<unknown>(null);
  const running = useRef<AbortController | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => () => running.current?.abort(), []);
  const wrong = faults(draft, inputs);
  const start = async () => {
    const ending = new AbortController();
    running.current = ending;
    setBusy(true);
    setFailure(null);
    try {
      // What comes is shown of the run itself.
      for await (const _ of send(draft.values, ending.signal));
    } catch (thrown) {
      if (!ending.signal.aborted) setFailure(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={styles.form}>
      {inputs.length > 0 ? (
        <InputsEditor inputs={inputs} draft={draft} onChange={setDraft} format={messageFormat} />
      ) : (
        <Text>The flow takes no inputs.</Text>
      )}
      {!valid && <Invalid />}
      <div className={styles.buttons}>
        <Allowed to="flows/test/action" on={`/flows/${flow}`}>
          <Button
            appearance="primary"
            icon={<PlayRegular />}
            disabled={busy || !valid || wrong.length > 0}
            onClick={() => void start()}
          >
            Run
          </Button>
        </Allowed>
        {busy && (
          <Button icon={<StopRegular />} onClick={() => running.current?.abort()}>
            Stop
          </Button>
        )}
      </div>
      {failure !== null && <Failure failure={failure} />}
      {failure === null && run?.outputs && <Value label="Result" value={run.outputs} />}
    </div>
  );
}
