import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { errorOf, send, urlOf } from "../../../api/client";
import { keyOf } from "../../../api/queries";
import { Moment } from "../../../components/Moment";
import { type Column, ResourceTable } from "../../../components/ResourceTable";
import { Section } from "../../../components/Section";
import { StateBadge } from "../../../components/StateBadge";
import { Loaded } from "../../../components/states";
import { type AuditRecord, deedOf } from "./history";

const MOST = 100;
const useStyles = makeStyles({
  why: { whiteSpace: "pre-wrap", overflowWrap: "anywhere", color: tokens.colorPaletteRedForeground1 },
});

/** What has been done to it and below it, by whom, and how it ended; the newest first. path: below the workspace. */
export function Events({ path }: { path: string }) {
  const query = useQuery({ queryKey: keyOf(path, "auditRecords"), queryFn: () => newest(path) });
  const columns = useMemo(() => columnsOf(path), [path]);
  return (
    <Section
      title="Events"
      actions={
        <Button size="small" onClick={() => void query.refetch()}>
          Refresh
        </Button>
      }
    >
      <Loaded query={query}>
        {(records) => <ResourceTable label="Events" rows={records} columns={columns} keyOf={(record) => record.id} />}
      </Loaded>
    </Section>
  );
}

function columnsOf(path: string): readonly Column<AuditRecord>[] {
  const pageId = urlOf(path).split("?")[0] ?? "";
  return [
    { label: "Time", cell: ({ properties }) => <Moment at={properties.time} />, width: "min(9rem, 22vw)" },
    { label: "Event", cell: (record) => <Deed record={record} pageId={pageId} /> },
    { label: "By", cell: ({ properties }) => properties.principal, width: "9rem", wide: true },
    { label: "Outcome", cell: ({ properties }) => <StateBadge state={properties.outcome} />, width: "min(8rem, 33vw)" },
  ];
}

function Deed({ record, pageId }: { record: AuditRecord; pageId: string }) {
  const styles = useStyles();
  const { error } = record.properties;
  return (
    <div>
      {deedOf(record, pageId)}
      {error && (
        <Text block size={200} className={styles.why}>
          {error.code}: {error.message}
        </Text>
      )}
    </div>
  );
}

async function newest(path: string): Promise<AuditRecord[]> {
  const answer = await send(urlOf("/auditRecords", { resource: path.slice(1), $top: String(MOST) }));
  if (!answer.ok) throw await errorOf(answer);
  return ((await answer.json()) as { value: AuditRecord[] }).value;
}
