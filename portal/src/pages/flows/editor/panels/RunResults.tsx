import {
  Accordion,
  AccordionHeader,
  AccordionItem,
  AccordionPanel,
  Badge,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  Spinner,
  Text,
  tokens,
} from "@fluentui/react-components";
import { CopyButton } from "../../../../components/CopyButton";
import { LongValue, textToCopy } from "../../../../components/LongValue";
import { Empty } from "../../../../components/states";
import { durationText, type NodeRun, type TestRun, type Tokens } from "../testRun";

const useStyles = makeStyles({
  results: { display: "grid", gap: tokens.spacingVerticalM },
  head: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalM },
  title: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalS },
  about: { color: tokens.colorNeutralForeground2 },
  parts: { display: "grid", gap: tokens.spacingVerticalS, paddingBlock: tokens.spacingVerticalS },
  label: { display: "flex", alignItems: "center" },
  value: {
    margin: 0,
    padding: tokens.spacingHorizontalS,
    maxHeight: "16rem",
    overflow: "auto",
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    backgroundColor: tokens.colorNeutralBackground3,
    borderRadius: tokens.borderRadiusMedium,
  },
});

const LOOKS: Record<string, "success" | "danger" | "informative" | "subtle"> = {
  Completed: "success",
  Failed: "danger",
  Running: "informative",
  Preparing: "informative",
};
const WORDS: Record<string, string> = { NotRun: "Not run" };

/** What a test run did, node by node. selected: the node that is open. */
export function RunResults({ run, selected, select }: Props) {
  const styles = useStyles();
  if (!run) {
    return (
      <Empty title="Nothing has been run yet">
        Run the flow from the panel on the right; each node's inputs, outputs, time, tokens and logs are shown here.
      </Empty>
    );
  }
  return (
    <div className={styles.results}>
      <div className={styles.head}>
        <State state={run.state} />
        {run.phase && <Spinner size="tiny" label={run.phase} />}
        <Measures ms={run.durationMs} tokens={run.tokens} />
      </div>
      {run.error && (
        <MessageBar intent="error" layout="multiline" role="alert">
          <MessageBarBody>
            <MessageBarTitle>{run.error.code || "The run has failed."}</MessageBarTitle>
            {run.error.message}
          </MessageBarBody>
        </MessageBar>
      )}
      <Accordion
        collapsible
        openItems={selected ? [selected] : []}
        onToggle={(_, { value }) => select(value === selected ? "" : String(value))}
      >
        {run.nodes.map((node) => (
          <AccordionItem key={node.name} value={node.name}>
            <AccordionHeader size="small">
              <span className={styles.title}>
                <Text weight="semibold">{node.name}</Text>
                <State state={node.state} />
                <Measures ms={node.durationMs} tokens={node.tokens} />
              </span>
            </AccordionHeader>
            <AccordionPanel>
              <Node node={node} />
            </AccordionPanel>
          </AccordionItem>
        ))}
      </Accordion>
      {run.logs && <Value label="Logs outside of any node" value={run.logs} />}
      {run.outputs && <Value label="Outputs" value={run.outputs} />}
    </div>
  );
}

type Props = { run: TestRun | null; selected: string; select: (node: string) => void };

function Node({ node }: { node: NodeRun }) {
  const styles = useStyles();
  return (
    <div className={styles.parts}>
      {node.error && <Value label="Error" value={node.error} />}
      {node.inputs !== undefined && <Value label="Inputs" value={node.inputs} />}
      {node.output !== undefined && <Value label="Output" value={node.output} />}
      {node.logs && <Value label="Logs" value={node.logs} />}
      {node.state === "Bypassed" && <Text>Its condition did not hold, so it did not run.</Text>}
      {node.state === "NotRun" && <Text>It did not run.</Text>}
    </div>
  );
}

/** A value with its name, to be read and copied. */
export function Value({ label, value }: { label: string; value: unknown }) {
  const styles = useStyles();
  return (
    <section aria-label={label}>
      <div className={styles.label}>
        <Text size={200} weight="semibold">
          {label}
        </Text>
        <CopyButton text={() => textToCopy(value)} what={label.toLowerCase()} />
      </div>
      <LongValue value={value} what={label.toLowerCase()} className={styles.value} scrolls />
    </section>
  );
}

function State({ state }: { state: string }) {
  return (
    <Badge appearance="tint" color={LOOKS[state] ?? "subtle"}>
      {WORDS[state] ?? state}
    </Badge>
  );
}

function Measures({ ms, tokens: used }: { ms: number | undefined; tokens: Tokens | undefined }) {
  const styles = useStyles();
  const parts = [
    ms !== undefined && durationText(ms),
    used?.total && `${used.total} tokens (${used.prompt ?? 0} in, ${used.completion ?? 0} out)`,
  ].filter(Boolean);
  return parts.length > 0 ? (
    <Text size={200} className={styles.about}>
      {parts.join(" · ")}
    </Text>
  ) : null;
}
