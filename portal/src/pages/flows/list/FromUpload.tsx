import {
  Button,
  MessageBar,
  MessageBarBody,
  makeStyles,
  mergeClasses,
  Spinner,
  Text,
  tokens,
} from "@fluentui/react-components";
import { ArrowUploadRegular, FolderZipRegular } from "@fluentui/react-icons";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { path } from "../../../components/RouteLink";
import { Failure } from "../../../components/states";
import { importArchive } from "../api";
import { fromDrop, fromInput, type Picked, type PickedFile, pickedFrom } from "./folder";
import { isTaken, NameField, shapeProblem } from "./NameField";
import type { WayProps } from "./NewFlowDialog";

const useStyles = makeStyles({
  form: { display: "grid", gap: tokens.spacingVerticalM },
  drop: {
    display: "grid",
    justifyItems: "center",
    textAlign: "center",
    gap: tokens.spacingVerticalM,
    padding: tokens.spacingHorizontalXL,
    border: `1px dashed ${tokens.colorNeutralStroke1}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground2,
  },
  over: { border: `1px dashed ${tokens.colorBrandStroke1}`, backgroundColor: tokens.colorBrandBackground2 },
  buttons: { display: "flex", flexWrap: "wrap", justifyContent: "center", gap: tokens.spacingHorizontalS },
  picked: { overflowWrap: "anywhere" },
  actions: { display: "flex", justifyContent: "end" },
});

/** A folder or a zip archive, chosen or dropped. */
export function FromUpload({ flows }: WayProps) {
  const styles = useStyles();
  const navigate = useNavigate();
  const [picked, setPicked] = useState<Picked | null>(null);
  const [name, setName] = useState("");
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const take = async (files: Promise<PickedFile[]>) => {
    setFailure(null);
    setBusy(true);
    try {
      const found = await pickedFrom(await files);
      setPicked(found);
      setName(found.name);
    } catch (thrown) {
      setPicked(null);
      setFailure(thrown);
    } finally {
      setBusy(false);
    }
  };
  const upload = async (event: React.FormEvent) => {
    event.preventDefault();
    if (!picked) return;
    setBusy(true);
    setFailure(null);
    try {
      await importArchive(name, picked.archive);
      void navigate({ to: path("/flows", name) });
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
    }
  };
  const replaces = isTaken(name, flows);
  return (
    <form className={styles.form} onSubmit={(event) => void upload(event)}>
      <DropPlace take={(files) => void take(files)}>
        {picked && (
          <Text className={styles.picked}>
            {picked.files > 0 ? `${picked.files} files of the folder ${picked.name}` : `The archive ${picked.name}.zip`}
          </Text>
        )}
      </DropPlace>
      {picked && <NameField name={name} onChange={setName} problem={shapeProblem(name)} />}
      {picked && replaces && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            There is a flow {name}. Its files are replaced by these; what it has now stays as a version.
          </MessageBarBody>
        </MessageBar>
      )}
      {failure !== null && <Failure failure={failure} title="It was not uploaded." />}
      <div className={styles.actions}>
        {busy && <Spinner size="tiny" />}
        <Button type="submit" appearance="primary" disabled={!picked || shapeProblem(name) !== "" || busy}>
          {replaces && picked ? "Replace its files" : "Upload"}
        </Button>
      </div>
    </form>
  );
}

type DropProps = { take: (files: Promise<PickedFile[]>) => void; children: React.ReactNode };

function DropPlace({ take, children }: DropProps) {
  const styles = useStyles();
  const [over, setOver] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const archive = useRef<HTMLInputElement>(null);
  const chosen = ({ target }: React.ChangeEvent<HTMLInputElement>) => {
    if (target.files?.length) take(Promise.resolve(fromInput(target.files)));
    target.value = "";
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is one more way; the buttons are the others
    <div
      className={mergeClasses(styles.drop, over && styles.over)}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(fromDrop(event.dataTransfer.items));
      }}
    >
      <Text>Drop the flow's folder or a zip archive here, or choose one.</Text>
      <div className={styles.buttons}>
        <Button icon={<ArrowUploadRegular />} onClick={() => folder.current?.click()}>
          Choose a folder
        </Button>
        <Button icon={<FolderZipRegular />} onClick={() => archive.current?.click()}>
          Choose a zip archive
        </Button>
      </div>
      <input ref={folder} type="file" hidden aria-label="Folder" onChange={chosen} {...{ webkitdirectory: "" }} />
      <input ref={archive} type="file" hidden aria-label="Zip archive" accept=".zip" onChange={chosen} />
      {children}
    </div>
  );
}
