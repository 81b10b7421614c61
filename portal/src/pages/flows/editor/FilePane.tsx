import {
  Button,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { type ReactNode, useMemo } from "react";
import { useRefusal } from "../../../api/may";
import { CodeEditor, languageOf, type Mark } from "../../../components/CodeEditor";
import { Empty, isGone, Loaded } from "../../../components/states";
import { useToasts } from "../../../components/toasts";
import { bytesOf, download, type FileContent, type FlowFile, type Problem, useContent } from "../api";
import type { WorkingCopy } from "./useWorkingCopy";

const useStyles = makeStyles({
  pane: { display: "grid", gridTemplateRows: "auto 1fr", gap: tokens.spacingVerticalXS, minHeight: 0, minWidth: 0 },
  text: { minHeight: 0, minWidth: 0, position: "relative", "& > div": { position: "absolute", inset: 0 } },
  name: { overflowWrap: "anywhere" },
});

export type Place = { line: number };

type Props = {
  copy: WorkingCopy;
  file: FlowFile;
  problems: readonly Problem[];
  place: Place | undefined;
  save: () => void;
  onLine: (line: number) => void;
};

/** One file in an editor, with what is wrong with it and what others do to it. Keyed by its path. */
export function FilePane({ copy, file, problems, place, save, onLine }: Props) {
  const styles = useStyles();
  const content = useContent(copy.flow, file.path);
  const marks = useMemo(() => problems.filter((each) => each.file === file.path).map(markOf), [problems, file.path]);
  const readOnly = useRefusal("flows/write", `/flows/${copy.flow}`) !== null;
  const draft = copy.drafts[file.path];
  // The file may be gone; what somebody has written in it is not.
  const written = draft && { text: draft.base, etag: draft.etag };
  const shown = isGone(content.error) ? written : (content.data ?? written);
  const view = (shown: FileContent): ReactNode =>
    shown.text === null && !draft ? (
      <NoText flow={copy.flow} file={file} />
    ) : (
      <div className={styles.text}>
        <CodeEditor
          label={file.path}
          language={languageOf(file.path)}
          value={draft?.text ?? shown.text ?? ""}
          onChange={(text) => copy.write(file.path, text, shown)}
          onSave={save}
          marks={marks}
          readOnly={readOnly}
          height="100%"
          onLine={onLine}
          {...(place && { place })}
        />
      </div>
    );
  return (
    <section className={styles.pane} aria-label={file.path}>
      <div>
        <Text weight="semibold" className={styles.name}>
          {file.path}
        </Text>
        {draft && <Text size={200}> · not saved</Text>}
        {copy.overtaken.includes(file.path) && (
          <MessageBar intent="warning" layout="multiline">
            <MessageBarBody>This file has been changed elsewhere since you began to change it.</MessageBarBody>
            <MessageBarActions>
              <Button onClick={() => void copy.compare(file.path)}>Compare</Button>
            </MessageBarActions>
          </MessageBar>
        )}
      </div>
      {shown ? view(shown) : <Loaded query={content}>{() => null}</Loaded>}
    </section>
  );
}

function NoText({ flow, file }: { flow: string; file: FlowFile }) {
  const toasts = useToasts();
  const fetch = async () => {
    try {
      download(await bytesOf(flow, file.path), file.path.split("/").at(-1) ?? "file");
    } catch (failure) {
      toasts.failed(`${file.path} was not downloaded.`, failure);
    }
  };
  return (
    <Empty title="This is no text" action={<Button onClick={() => void fetch()}>Download</Button>}>
      It has {file.size.toLocaleString("en")} bytes that cannot be edited here. Upload another file of this name to
      replace it.
    </Empty>
  );
}

function markOf({ line, column, severity, message }: Problem): Mark {
  return { line, column, severity, message };
}
