import { Button, Field, Input, makeStyles, Select, Switch, Text, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular, PauseRegular, PlayRegular, SearchRegular } from "@fluentui/react-icons";
import { useDeferredValue, useMemo, useState } from "react";
import { Failure, Loading } from "../../../components/states";
import { plural } from "../../deploy/quota";
import { LogView } from "./LogView";
import { filtered, type LogLine, textOf } from "./lines";
import { type Container, useLog } from "./useLog";

const CONTAINERS: readonly { id: Container; label: string; empty: string }[] = [
  { id: "InferenceServer", label: "inference-server", empty: "No instance has written anything yet." },
  { id: "StorageInitializer", label: "storage-initializer", empty: "The environment has not been built yet." },
];
const TAILS = [100, 1000, 5000] as const;

const useStyles = makeStyles({
  tab: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0 },
  tools: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
  filter: { width: "10rem" },
});

export default function LogsTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  const styles = useStyles();
  const [container, setContainer] = useState<Container>("InferenceServer");
  const [tail, setTail] = useState<number>(TAILS[0]);
  const [following, setFollowing] = useState(true);
  const [filter, setFilter] = useState("");
  const sought = useDeferredValue(filter);
  const { lines, failure, connected, begun } = useLog({ endpoint, deployment, container, tail });
  // What was there when it was paused stays; what comes meanwhile is counted.
  const [held, setHeld] = useState<readonly LogLine[] | null>(null);
  const there = held ?? lines;
  const shown = useMemo(() => filtered(there, sought), [there, sought]);
  const waiting = held ? (lines.at(-1)?.id ?? 0) - (held.at(-1)?.id ?? 0) : 0;
  const choose = (set: () => void) => {
    setHeld(null);
    set();
  };
  return (
    <div className={styles.tab}>
      <div className={styles.tools}>
        <Field label="Container">
          <Select value={container} onChange={(_, { value }) => choose(() => setContainer(value as Container))}>
            {CONTAINERS.map(({ id, label }) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Begin with">
          <Select value={String(tail)} onChange={(_, { value }) => choose(() => setTail(Number(value)))}>
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
        <Button icon={<ArrowDownloadRegular />} onClick={() => download(shown, deployment)}>
          Download
        </Button>
      </div>
      {failure !== null && <Failure failure={failure} />}
      {failure === null && !begun && <Loading />}
      {failure === null && begun && (
        <>
          <Text role="status" size={200}>
            {spoken(connected, shown.length, there.length, waiting)}
          </Text>
          <LogView
            label={`Log of ${deployment}`}
            lines={shown}
            empty={
              sought ? `No line has “${sought}”.` : (CONTAINERS.find((each) => each.id === container)?.empty ?? "")
            }
            following={following && !held}
            onScrolledAway={() => setFollowing(false)}
          />
        </>
      )}
    </div>
  );
}

function spoken(connected: boolean, shown: number, there: number, waiting: number): string {
  const count = shown === there ? plural(shown, "line") : `${shown} of ${plural(there, "line")}`;
  if (!connected) return `${count}. Connecting to the log…`;
  return waiting > 0 ? `${count}. Paused, ${waiting} more have come.` : `${count}. Live.`;
}

function download(lines: readonly LogLine[], deployment: string): void {
  const url = URL.createObjectURL(new Blob([textOf(lines)], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${deployment}.log`;
  link.click();
  URL.revokeObjectURL(url);
}
