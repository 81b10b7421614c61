import {
  Badge,
  Button,
  Dialog,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  mergeClasses,
  Text,
  tokens,
} from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { keyOf } from "../../../../api/queries";
import { Loaded } from "../../../../components/states";
import { useFocusBack } from "../../../../components/useFocusBack";
import { contentOf, type FlowVersion, filesOf } from "../../api";
import { around, type Change, changesBetween, type Line, linesBetween } from "./changes";

const useStyles = makeStyles({
  surface: { maxWidth: "min(60rem, calc(100vw - 2rem))" },
  content: { display: "grid", gap: tokens.spacingVerticalM },
  head: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "center", overflowWrap: "anywhere" },
  lines: {
    margin: 0,
    overflowX: "auto",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
  },
  line: { whiteSpace: "pre-wrap", overflowWrap: "anywhere", paddingInline: tokens.spacingHorizontalS },
  "+": { backgroundColor: tokens.colorPaletteGreenBackground1, color: tokens.colorPaletteGreenForeground1 },
  "-": { backgroundColor: tokens.colorPaletteRedBackground1, color: tokens.colorPaletteRedForeground1 },
  " ": {},
  gap: { color: tokens.colorNeutralForeground3 },
});

type Props = { flow: string; version: FlowVersion; before: FlowVersion | undefined; onClose: () => void };

/** What a version has changed of the one before it. */
export function ChangesDialog({ flow, version, before, onClose }: Props) {
  const styles = useStyles();
  useFocusBack();
  const query = useQuery({
    queryKey: keyOf(`/flows/${flow}/versions`, version.name, "changes", before?.name),
    queryFn: async () => {
      const [was, is] = await Promise.all([before ? filesOf(flow, before.name) : [], filesOf(flow, version.name)]);
      return changesBetween(was, is);
    },
  });
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface className={styles.surface}>
        <DialogBody>
          <DialogTitle
            action={<Button appearance="subtle" aria-label="Close" icon={<DismissRegular />} onClick={onClose} />}
          >
            Changes in version {version.name}
          </DialogTitle>
          <DialogContent className={styles.content} tabIndex={0}>
            <Loaded query={query}>
              {(changes) => (
                <>
                  <Text>{summary(changes, before)}</Text>
                  {changes.map((change) => (
                    <FileChange
                      key={change.path}
                      flow={flow}
                      change={change}
                      version={version.name}
                      before={before?.name}
                    />
                  ))}
                </>
              )}
            </Loaded>
          </DialogContent>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

type FileProps = { flow: string; change: Change; version: string; before: string | undefined };

function FileChange({ flow, change: { path, kind }, version, before }: FileProps) {
  const styles = useStyles();
  const query = useQuery({
    queryKey: keyOf(`/flows/${flow}/versions`, version, path, before),
    queryFn: async () => {
      const was = kind === "added" || !before ? "" : (await contentOf(flow, path, before)).text;
      const is = kind === "deleted" ? "" : (await contentOf(flow, path, version)).text;
      return was === null || is === null ? null : { was, is };
    },
  });
  return (
    <section aria-label={path}>
      <div className={styles.head}>
        <Text weight="semibold">{path}</Text>
        <Badge appearance="tint">{kind}</Badge>
      </div>
      <Loaded query={query}>
        {(texts) => (texts ? <Lines was={texts.was} is={texts.is} /> : <Text>It is no text.</Text>)}
      </Loaded>
    </section>
  );
}

function Lines({ was, is }: { was: string; is: string }) {
  const styles = useStyles();
  const lines = useMemo(() => around(whole(was, is)), [was, is]);
  return (
    <div className={styles.lines}>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a text have their order
        <div key={index} className={mergeClasses(styles.line, line ? styles[line.sign] : styles.gap)}>
          {line ? `${line.sign} ${line.text}` : "⋯"}
        </div>
      ))}
    </div>
  );
}

/** No text is no line rather than an empty one, and what both end with is not worth one. */
function whole(was: string, is: string): Line[] {
  const lines = linesBetween(was, is).filter(
    ({ sign, text }) => text !== "" || !((sign === "-" && was === "") || (sign === "+" && is === "")),
  );
  const last = lines.at(-1);
  return last?.sign === " " && last.text === "" ? lines.slice(0, -1) : lines;
}

function summary(changes: readonly Change[], before: FlowVersion | undefined): string {
  if (!before) return "The oldest version that is kept.";
  if (changes.length === 0) return `The files are those of version ${before.name}.`;
  return `Compared with version ${before.name}: ${changes.length} ${changes.length === 1 ? "file" : "files"}.`;
}
