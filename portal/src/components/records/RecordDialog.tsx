import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  Subtitle2,
  tokens,
} from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { parseJson } from "../../api/exactJson";
import { CopyButton } from "../CopyButton";
import { Facts, knownFacts } from "../Facts";
import { LongValue, textToCopy } from "../LongValue";
import { Loaded } from "../states";
import { useFocusBack } from "../useFocusBack";
import { readFile, readRange } from "./datastore";
import type { Row, Source } from "./reader";
import { COLLECTED, type Place, pictureIn } from "./record";

const useStyles = makeStyles({
  surface: { maxWidth: "min(60rem, 100vw)" },
  content: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0, paddingBottom: tokens.spacingVerticalM },
  line: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalS },
  title: { margin: 0 },
  json: {
    margin: 0,
    maxHeight: "20rem",
    overflow: "auto",
    padding: tokens.spacingHorizontalM,
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
  },
  picture: { maxWidth: "100%", maxHeight: "24rem" },
});

type Props = { row: Row; sources: readonly Source[]; onClose: () => void };

/** All that was collected of one request, read again from where it lies. Mounted while open. */
export function RecordDialog({ row, sources, onClose }: Props) {
  const styles = useStyles();
  useFocusBack();
  const id = Object.values(row.parts)[0]?.correlationId ?? row.key;
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface className={styles.surface}>
        <DialogBody>
          <DialogTitle>Collected record</DialogTitle>
          <DialogContent className={styles.content}>
            <Facts
              facts={knownFacts([
                ["Time", new Date(row.time).toLocaleString()],
                [
                  "Request ID",
                  <span key="id" className={styles.line}>
                    {id} <CopyButton text={id} what="request ID" />
                  </span>,
                ],
              ])}
            />
            {sources.map(({ name, label }) => {
              const part = row.parts[name];
              return part && <Part key={name} name={name} label={label} place={part.place} />;
            })}
          </DialogContent>
          <DialogActions>
            <Button appearance="primary" onClick={onClose}>
              Close
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

function Part({ name, label, place }: { name: string; label: string; place: Place }) {
  const styles = useStyles();
  const query = useQuery({
    queryKey: ["record", place.path, place.from],
    queryFn: () => dataAt(place),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <>
      <Subtitle2 as="h3" className={styles.title}>
        {label} <CopyButton text={() => textToCopy(query.data === undefined ? "" : shownOf(query.data))} what={name} />
      </Subtitle2>
      <Loaded query={query}>
        {(data) => (
          <>
            {picturesIn(data).map((address) => (
              <img key={address.slice(0, 200)} className={styles.picture} src={address} alt={`Of ${name}`} />
            ))}
            <LongValue value={shownOf(data)} what={name} className={styles.json} scrolls />
          </>
        )}
      </Loaded>
    </>
  );
}

type Line = { data?: unknown; datainblob?: unknown };

/** The record's data; of one in a file of its own, the text of that file. */
async function dataAt({ path, from, length }: Place): Promise<unknown> {
  const line = parseJson(new TextDecoder().decode(await readRange(path, from, from + length))) as Line;
  if (!line.datainblob || typeof line.data !== "string") return line.data ?? null;
  const file = line.data.startsWith(COLLECTED) ? line.data : COLLECTED + line.data;
  return (await readFile(file)).text();
}

function shownOf(data: unknown): unknown {
  return Array.isArray(data) && data.length === 1 ? data[0] : data;
}

function picturesIn(data: unknown): string[] {
  const rows: unknown[] = Array.isArray(data) ? data : [data];
  const values = rows.flatMap((row) =>
    row !== null && typeof row === "object" ? [row, ...Object.values(row)] : [row],
  );
  return values.map(pictureIn).filter((found) => found !== null);
}
