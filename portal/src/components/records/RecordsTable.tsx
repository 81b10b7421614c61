import {
  Button,
  Field,
  Input,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { ArrowClockwiseRegular, ArrowDownloadRegular } from "@fluentui/react-icons";
import { useMemo, useState } from "react";
import { type Column, ResourceTable } from "../ResourceTable";
import { Empty, Failure, Loading } from "../states";
import { useToasts } from "../toasts";
import { downloadAll } from "./download";
import { RecordDialog } from "./RecordDialog";
import type { Row, Source, Span } from "./reader";
import type { Cell } from "./record";
import { MOST_ROWS, useRecords } from "./useRecords";

/** More would be narrower than words are; the rest is in a row's details. */
const MOST_COLUMNS = 8;

const useStyles = makeStyles({
  page: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0 },
  tools: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
  foot: { display: "flex", gap: tokens.spacingHorizontalM, alignItems: "center", flexWrap: "wrap" },
  quiet: { color: tokens.colorNeutralForeground2 },
  value: {
    display: "block",
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
    maxWidth: "100%",
  },
  picture: { maxHeight: "40px", maxWidth: "100%", display: "block" },
});

/** What deployments have collected, as a table: one row a request, its columns from the data. */
export function RecordsTable({ sources }: { sources: readonly Source[] }) {
  const styles = useStyles();
  const [times, setTimes] = useState({ from: "", to: "" });
  const span = useMemo(() => spanOfTexts(times), [times]);
  const { rows, more, busy, failure, older, again } = useRecords(sources, span);
  const [shown, setShown] = useState<Row | null>(null);
  const columns = useMemo(() => columnsOf(rows, sources, setShown), [rows, sources]);
  const filtered = times.from !== "" || times.to !== "";
  return (
    <div className={styles.page}>
      <div className={styles.tools}>
        <TimeField label="From" value={times.from} onChange={(from) => setTimes({ ...times, from })} />
        <TimeField label="To" value={times.to} onChange={(to) => setTimes({ ...times, to })} />
        <Button icon={<ArrowClockwiseRegular />} disabled={busy} onClick={again}>
          Refresh
        </Button>
        <Download sources={sources} span={span} />
      </div>
      {failure !== null && <Failure failure={failure} title="The records cannot be read." retry={again} />}
      {rows.length === 0 && busy && <Loading />}
      {rows.length === 0 && !busy && failure === null && (
        <Empty title="No records">
          {filtered
            ? "Nothing was collected in this time."
            : "Nothing has been collected yet. A record appears within a second after a request is answered."}
        </Empty>
      )}
      {rows.length > 0 && (
        <>
          <ResourceTable
            label="Collected records"
            rows={rows}
            columns={columns}
            keyOf={(row) => row.key}
            textOf={textOfRow}
            {...(more && {
              unmatched: `Nothing among the ${rows.length} newest records matches. Older ones have not been looked at: show them below, or set the time.`,
            })}
          />
          <div className={styles.foot}>
            <Button disabled={!more || busy || rows.length >= MOST_ROWS} onClick={older}>
              {busy ? "Loading…" : "Show older"}
            </Button>
            <Text size={200} className={styles.quiet}>
              {rows.length} {rows.length === 1 ? "record" : "records"}, newest first
              {rows.length >= MOST_ROWS && ". Older ones: set To to an earlier time"}
              {!more && ". That is all"}
            </Text>
          </div>
        </>
      )}
      {shown && <RecordDialog row={shown} sources={sources} onClose={() => setShown(null)} />}
    </div>
  );
}

function TimeField({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <Field label={label}>
      <Input type="datetime-local" value={value} onChange={(_, { value: text }) => onChange(text)} />
    </Field>
  );
}

function Download({ sources, span }: { sources: readonly Source[]; span: Span }) {
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  const download = async (source: Source) => {
    setBusy(true);
    try {
      await downloadAll(source, span);
    } catch (failure) {
      toasts.failed(`${source.name} was not downloaded.`, failure);
    }
    setBusy(false);
  };
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <Button icon={<ArrowDownloadRegular />} disabled={busy}>
          {busy ? "Downloading…" : "Download JSONL"}
        </Button>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          {sources.map((source) => (
            <MenuItem key={source.name} onClick={() => void download(source)}>
              {source.name}
            </MenuItem>
          ))}
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}

function spanOfTexts({ from, to }: { from: string; to: string }): Span {
  const [first, last] = [Date.parse(from), Date.parse(to)];
  return {
    from: Number.isNaN(first) ? 0 : first,
    // The minute that is named counts too.
    to: Number.isNaN(last) ? Number.POSITIVE_INFINITY : last + 59_999,
  };
}

function columnsOf(rows: readonly Row[], sources: readonly Source[], show: (row: Row) => void): Column<Row>[] {
  const named = sources.flatMap(({ name, label }) => {
    const found = new Set(rows.flatMap((row) => Object.keys(row.parts[name]?.cells ?? {})));
    return [...found].map((field): Column<Row> => {
      const cellOf = (row: Row) => row.parts[name]?.cells[field];
      return {
        label: sources.length > 1 ? `${label}: ${field}` : field,
        cell: (row) => <Value cell={cellOf(row)} onShow={() => show(row)} />,
        sort: (row) => cellOf(row)?.text ?? "",
        width: "14rem",
      };
    });
  });
  return [
    {
      label: "Time",
      cell: (row) => <time dateTime={new Date(row.time).toISOString()}>{new Date(row.time).toLocaleString()}</time>,
      sort: (row) => row.time,
      width: "11rem",
    },
    ...named.slice(0, MOST_COLUMNS),
    {
      label: "Details",
      action: true,
      cell: (row) => (
        <Button size="small" onClick={() => show(row)} aria-label={`Details of request ${row.key}`}>
          Details
        </Button>
      ),
      width: "7rem",
    },
  ];
}

function Value({ cell, onShow }: { cell: Cell | undefined; onShow: () => void }) {
  const styles = useStyles();
  if (!cell) return <>–</>;
  if (cell.picture) return <img className={styles.picture} src={cell.picture} alt="Collected" />;
  if (cell.whole) {
    return (
      <span className={styles.value} title={cell.text}>
        {cell.text}
      </span>
    );
  }
  return (
    <Button size="small" appearance="transparent" className={styles.value} title="Show all of it" onClick={onShow}>
      {cell.text}
    </Button>
  );
}

function textOfRow(row: Row): string {
  const cells = Object.values(row.parts).flatMap((part) => Object.values(part.cells));
  return [row.key, ...cells.map((cell) => cell.text)].join(" ");
}
