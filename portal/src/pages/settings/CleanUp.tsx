import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, at, body, type Schemas, SITE } from "../../api/client";
import { Allowed } from "../../components/Allowed";
import { FormDialog } from "../../components/FormDialog";
import { Panel } from "../../components/Panel";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { Failure } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { sizeOf } from "./sizes";

type Garbage = Schemas["Garbage"];
type Found = Garbage["value"][number];

const KINDS: Record<string, string> = {
  upload: "Upload",
  content: "Files of nothing",
  environment: "Environment",
  log: "Log",
};
const COLUMNS: Column<Found>[] = [
  { label: "Kind", width: "9rem", cell: ({ kind }) => KINDS[kind] ?? kind, sort: ({ kind }) => kind },
  { label: "Name", cell: ({ name }) => name, sort: ({ name }) => name },
  { label: "Size", width: "7rem", cell: ({ size }) => sizeOf(size), sort: ({ size }) => size },
  { label: "Reason", cell: ({ reason }) => reason },
];

const useStyles = makeStyles({
  words: { color: tokens.colorNeutralForeground2 },
  buttons: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

/** What lies on the disk and nothing uses any more: looked at first, then removed. */
export function CleanUp() {
  const styles = useStyles();
  const toasts = useToasts();
  const [asking, setAsking] = useState(false);
  const look = useMutation({ mutationFn: () => collect(true) });
  const remove = async () => {
    const { value, bytes } = await collect(false);
    toasts.done(`${countOf(value)} removed, ${sizeOf(bytes)}.`);
    look.reset();
  };
  const found = look.data;
  return (
    <Panel title="Clean up">
      <Text className={styles.words}>
        Uploads of yesterday that were registered or forgotten, environments that nothing refers to, logs of what is
        long gone. Never what is in use, nor what was just made.
      </Text>
      <div className={styles.buttons}>
        <Allowed to="garbageCollection/action">
          <Button disabled={look.isPending} onClick={() => look.mutate()}>
            Look what can be removed
          </Button>
        </Allowed>
        {found && found.value.length > 0 && (
          <Button appearance="primary" onClick={() => setAsking(true)}>
            Remove {countOf(found.value)}
          </Button>
        )}
      </div>
      {look.isError && <Failure failure={look.error} />}
      {found && found.value.length === 0 && <Text role="status">Nothing here can be removed.</Text>}
      {found && found.value.length > 0 && (
        <>
          <Text role="status">
            {countOf(found.value)}, {sizeOf(found.bytes)}
          </Text>
          <ResourceTable
            label="What can be removed"
            rows={found.value}
            columns={COLUMNS}
            keyOf={({ kind, name }) => `${kind} ${name}`}
            textOf={({ kind, name }) => `${kind} ${name}`}
          />
        </>
      )}
      {asking && (
        <FormDialog
          title="Remove what nothing uses?"
          action="Remove"
          onSubmit={remove}
          onClose={() => setAsking(false)}
        >
          <p>This cannot be taken back. What has come into use since is left alone.</p>
        </FormDialog>
      )}
    </Panel>
  );
}

function collect(dryRun: boolean): Promise<Garbage> {
  return body(api.POST(`${SITE}/garbageCollection`, { params: { path: at(), query: { dryRun } } }));
}

function countOf(found: readonly Found[]): string {
  return found.length === 1 ? "1 thing" : `${found.length} things`;
}
