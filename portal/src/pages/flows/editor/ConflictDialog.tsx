import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useState } from "react";
import { CodeEditor, languageOf } from "../../../components/CodeEditor";
import { Failure } from "../../../components/states";
import { useFocusBack } from "../../../components/useFocusBack";
import type { Conflict, WorkingCopy } from "./useWorkingCopy";

const useStyles = makeStyles({
  surface: { maxWidth: "min(72rem, calc(100vw - 2rem))" },
  content: { display: "grid", gap: tokens.spacingVerticalM },
  texts: {
    display: "grid",
    gap: tokens.spacingHorizontalM,
    gridTemplateColumns: "minmax(0, 1fr) minmax(0, 1fr)",
    "@media (max-width: 800px)": { gridTemplateColumns: "minmax(0, 1fr)" },
  },
  text: { display: "grid", gap: tokens.spacingVerticalXS, alignContent: "start", minWidth: 0 },
});

type Props = { conflict: Conflict; copy: WorkingCopy };

/** Two people have written one file: both texts, and the choice. */
export function ConflictDialog({ conflict, copy }: Props) {
  const styles = useStyles();
  useFocusBack();
  const { path, theirs } = conflict;
  const [mine, setMine] = useState(conflict.mine);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const settle = async (text: string | null) => {
    setBusy(true);
    setFailure(null);
    try {
      await copy.settle(text);
    } catch (thrown) {
      setFailure(thrown);
    } finally {
      setBusy(false);
    }
  };
  const language = languageOf(path);
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && copy.closeConflict()}>
      <DialogSurface className={styles.surface}>
        <DialogBody>
          <DialogTitle>{path} was changed elsewhere</DialogTitle>
          <DialogContent className={styles.content}>
            <Text>
              Somebody has saved this file since you began to change it. Nothing is lost: take over into yours what you
              need of theirs and save it, or take theirs. What is saved stays as a version either way.
            </Text>
            <div className={styles.texts}>
              <div className={styles.text}>
                <Text weight="semibold">{theirs === null ? "Theirs: the file is gone" : "Theirs, as it is saved"}</Text>
                {theirs !== null && (
                  <CodeEditor label={`Theirs: ${path}`} value={theirs} language={language} readOnly height="22rem" />
                )}
              </div>
              <div className={styles.text}>
                <Text weight="semibold">Yours</Text>
                <CodeEditor
                  label={`Yours: ${path}`}
                  value={mine}
                  language={language}
                  onChange={setMine}
                  height="22rem"
                />
              </div>
            </div>
            {failure !== null && <Failure failure={failure} title="It was not saved." />}
          </DialogContent>
          <DialogActions>
            <Button onClick={copy.closeConflict}>Decide later</Button>
            <Button disabled={busy} onClick={() => void settle(null)}>
              Take theirs
            </Button>
            <Button appearance="primary" disabled={busy} onClick={() => void settle(mine)}>
              Save yours
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
