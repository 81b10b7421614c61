import { Button, Field, Input, makeStyles, ProgressBar, Text, Textarea, tokens } from "@fluentui/react-components";
import { DocumentAddRegular, FolderAddRegular } from "@fluentui/react-icons";
import { useRouter } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { ApiError } from "../../api/client";
import { noteChange } from "../../api/queries";
import { FormDrawer } from "../../components/FormDrawer";
import { path } from "../../components/RouteLink";
import { unlessTaken, useSubmission } from "../../components/useSubmission";
import { TYPE_WORDS } from "./asset";
import { type Chosen, chosenOf, sizeText, typeOf, uploadData } from "./upload";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;

const useStyles = makeStyles({
  files: { display: "grid", gap: tokens.spacingVerticalM },
  tools: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  chosen: { overflowWrap: "anywhere" },
});

type Props = {
  /** Of which a new version is made; a new asset without it. */
  asset?: { name: string; nextVersion: string };
  onClose: () => void;
};

/** The form that sends a file or a folder. Mounted while open. */
export function UploadDrawer({ asset, onClose }: Props) {
  const router = useRouter();
  const [name, setName] = useState(asset?.name ?? "");
  const [description, setDescription] = useState("");
  const [files, setFiles] = useState<Chosen[]>([]);
  const [asked, setAsked] = useState(false);
  const [progress, setProgress] = useState<{ sent: number; all: number } | null>(null);
  const { busy, failure, send } = useSubmission();
  const isNamed = NAME.test(name.trim());
  const submit = async () => {
    setAsked(true);
    if (!isNamed || files.length === 0) return;
    const version = asset?.nextVersion ?? "1";
    const upload = { name: name.trim(), version, type: typeOf(files), description, files };
    const sending = (signal: AbortSignal) => uploadData(upload, (sent, all) => setProgress({ sent, all }), signal);
    if (
      !(await send((signal) =>
        unlessTaken(
          () => sending(signal),
          () => taken(upload.name, asset !== undefined),
        ),
      ))
    ) {
      setProgress(null);
      return;
    }
    noteChange(`/data/${upload.name}/versions/${version}`);
    onClose();
    router.history.push(`/portal${path("/data", upload.name)}`);
  };
  return (
    <FormDrawer
      title={asset ? `Version ${asset.nextVersion} of ${asset.name}` : "New data asset"}
      action="Upload"
      busy={busy}
      failure={failure}
      refusal="It was not registered."
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      {!asset && (
        <Field
          label="Name"
          required
          validationMessage={
            asked && !isNamed
              ? "Begin with a letter or digit; use up to 255 letters, digits, dashes, underscores and dots."
              : ""
          }
        >
          <Input value={name} autoComplete="off" onChange={(_, { value }) => setName(value)} />
        </Field>
      )}
      <Files files={files} problem={asked && files.length === 0 ? "Choose a file or a folder." : ""} set={setFiles} />
      <Field label="Description">
        <Textarea value={description} onChange={(_, { value }) => setDescription(value)} />
      </Field>
      {progress && (
        <Field label={`Sent ${sizeText(progress.sent)} of ${sizeText(progress.all)}`}>
          <ProgressBar value={progress.all ? progress.sent / progress.all : 0} />
        </Field>
      )}
    </FormDrawer>
  );
}

function Files({ files, problem, set }: { files: Chosen[]; problem: string; set: (files: Chosen[]) => void }) {
  const styles = useStyles();
  const file = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (list: FileList | null) => list?.length && set(chosenOf([...list]));
  const size = files.reduce((sum, each) => sum + each.file.size, 0);
  const what = files.length === 1 ? files[0]?.path : `${files[0]?.path.split("/")[0]}, ${files.length} files`;
  return (
    <Field label="File or folder" required validationMessage={problem}>
      <div className={styles.files}>
        <div className={styles.tools}>
          <Button icon={<DocumentAddRegular />} onClick={() => file.current?.click()}>
            Choose a file
          </Button>
          <Button icon={<FolderAddRegular />} onClick={() => folder.current?.click()}>
            Choose a folder
          </Button>
        </div>
        <input ref={file} type="file" hidden data-kind="file" onChange={(event) => take(event.target.files)} />
        <input
          ref={folder}
          type="file"
          hidden
          data-kind="folder"
          {...{ webkitdirectory: "" }}
          onChange={(event) => take(event.target.files)}
        />
        {files.length > 0 && (
          <Text className={styles.chosen}>
            {what}, {sizeText(size)}: {TYPE_WORDS[typeOf(files)]}
          </Text>
        )}
      </div>
    </Field>
  );
}

function taken(name: string, isVersion: boolean): ApiError {
  return new ApiError(
    412,
    "NameTaken",
    `There is a data asset ${name} with this version already.`,
    isVersion
      ? "Close the form and open it again: it is given the next version."
      : "Choose another name, or upload a new version on its page.",
  );
}
