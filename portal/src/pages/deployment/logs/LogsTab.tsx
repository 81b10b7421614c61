import { Button, Field, Input, makeStyles, Select, Switch, Text, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular, PauseRegular, PlayRegular, SearchRegular } from "@fluentui/react-icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import { type Instance, useInstances } from "../../../api/endpoints";
import { Failure, Loading } from "../../../components/states";
import { LogView } from "./LogView";
import { filtered, type LogLine, linesOf, logsOf, spoken, textOf } from "./lines";
import { type Container, useLog } from "./useLog";

const CONTAINERS: readonly { id: Container; label: string; empty: string }[] = [
  { id: "InferenceServer", label: "inference-server", empty: "No instance has written anything yet." },
  { id: "StorageInitializer", label: "storage-initializer", empty: "The environment has not been built yet." },
];
const TAILS = [100, 1000, 5000] as const;

const useStyles = makeStyles({
  tab: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0 },
  tools: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
  above: { display: "flex", flexWrap: "wrap", justifyContent: "space-between", alignItems: "center" },
  filter: { width: "10rem" },
});

export default function LogsTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  const styles = useStyles();
  const [container, setContainer] = useState<Container>("InferenceServer");
  const [tail, setTail] = useState<number>(TAILS[0]);
  const [following, setFollowing] = useState(true);
  const [wrapped, setWrapped] = useState(false);
  const [filter, setFilter] = useState("");
  const sought = useDeferredValue(filter);
  const [chosen, choose] = useInstance();
  const instance = container === "InferenceServer" ? chosen : "";
  const present = useInstances(endpoint, deployment).data;
  const { lines, failure, connected, begun } = useLog({ endpoint, deployment, container, instance, tail });
  // What was there when it was paused stays; what comes meanwhile is counted.
  const [held, setHeld] = useState<readonly LogLine[] | null>(null);
  const all = held ?? lines;
  const there = useMemo(() => linesOf(all, instance), [all, instance]);
  const shown = useMemo(() => filtered(there, sought), [there, sought]);
  const waiting = held ? (lines.at(-1)?.id ?? 0) - (held.at(-1)?.id ?? 0) : 0;
  const begin = (set: () => void) => {
    setHeld(null);
    set();
  };
  return (
    <div className={styles.tab}>
      <div className={styles.tools}>
        <Field label="Container">
          <Select value={container} onChange={(_, { value }) => begin(() => setContainer(value as Container))}>
            {CONTAINERS.map(({ id, label }) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </Select>
        </Field>
        {container === "InferenceServer" && (
          <InstanceChoice present={present ?? []} lines={lines} chosen={instance} onChoose={choose} />
        )}
        <Field label="Begin with">
          <Select value={String(tail)} onChange={(_, { value }) => begin(() => setTail(Number(value)))}>
            {TAILS.map((count) => (
              <option key={count} value={count}>
                {`${count.toLocaleString("en")} lines`}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Filter lines">
          <Input
            className={styles.filter}
            contentBefore={<SearchRegular />}
            value={filter}
            onChange={(_, { value }) => setFilter(value)}
          />
        </Field>
        <Switch label="Follow" checked={following} onChange={(_, { checked }) => setFollowing(Boolean(checked))} />
        <Button icon={held ? <PlayRegular /> : <PauseRegular />} onClick={() => setHeld(held ? null : lines)}>
          {held ? "Resume" : "Pause"}
        </Button>
        <Button icon={<ArrowDownloadRegular />} onClick={() => download(shown, instance || deployment)}>
          Download
        </Button>
      </div>
      {failure !== null && <Failure failure={failure} />}
      {failure === null && !begun && <Loading />}
      {failure === null && begun && (
        <>
          <div className={styles.above}>
            <Text role="status" size={200}>
              {spoken({
                shown: shown.length,
                there: there.length,
                connected,
                waiting: held ? waiting : null,
                gone: present !== undefined && instance !== "" && present.every(({ name }) => name !== instance),
              })}
            </Text>
            <Switch label="Wrap lines" checked={wrapped} onChange={(_, { checked }) => setWrapped(Boolean(checked))} />
          </div>
          <LogView
            label={`Log of ${instance || deployment}`}
            lines={shown}
            empty={emptyOf(container, instance, sought)}
            following={following && !held}
            wrapped={wrapped}
            onScrolledAway={() => setFollowing(false)}
          />
        </>
      )}
    </div>
  );
}

/** The instance that the address names, "" for all. */
function useInstance(): [string, (name: string) => void] {
  const { instance = "" } = useSearch({ strict: false }) as { instance?: string };
  const navigate = useNavigate();
  const choose = (name: string) =>
    void navigate({ to: ".", search: { tab: "logs", ...(name && { instance: name }) } as never, replace: true });
  return [instance, choose];
}

type ChoiceProps = {
  present: readonly Instance[];
  lines: readonly LogLine[];
  chosen: string;
  onChoose: (name: string) => void;
};

/** Those that are there, and those that are gone of which there are lines. */
function InstanceChoice({ present, lines, chosen, onChoose }: ChoiceProps) {
  const said = useMemo(() => logsOf(lines), [lines]);
  const gone = [...new Set([...said, ...(chosen ? [chosen] : [])])].filter((log) =>
    present.every(({ name }) => name !== log),
  );
  return (
    <Field label="Instance">
      <Select value={chosen} onChange={(_, { value }) => onChoose(value)}>
        <option value="">All instances</option>
        {present.map(({ id, name, properties }) => (
          <option key={id} value={name}>
            {name}, {properties.state.toLowerCase()}
          </option>
        ))}
        {gone.map((name) => (
          <option key={name} value={name}>
            {name}, gone
          </option>
        ))}
      </Select>
    </Field>
  );
}

function emptyOf(container: Container, instance: string, sought: string): string {
  if (sought) return `No line has “${sought}”.`;
  if (instance) return "None of these lines is of that instance. Begin with more lines, or wait for its next one.";
  return CONTAINERS.find((each) => each.id === container)?.empty ?? "";
}

function download(lines: readonly LogLine[], deployment: string): void {
  const url = URL.createObjectURL(new Blob([textOf(lines)], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${deployment}.log`;
  link.click();
  URL.revokeObjectURL(url);
}
