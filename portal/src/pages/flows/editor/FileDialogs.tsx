/** What is asked before files are added, renamed, deleted or uploaded. */

import { Field, Input, MessageBar, MessageBarBody, Text } from "@fluentui/react-components";
import { useState } from "react";
import { FormDialog } from "../../../components/FormDialog";
import { useToasts } from "../../../components/toasts";
import { type FlowFile, putFile, stored } from "../api";
import type { WorkingCopy } from "./useWorkingCopy";

type Common = { onClose: () => void; open: (path: string) => void };

export function AddFileDialog({ flow, files, onClose, open }: Common & { flow: string; files: readonly FlowFile[] }) {
  const [path, setPath] = useState("");
  const problem = pathProblem(path, files);
  return (
    <FormDialog
      title="Add a file"
      action="Add"
      ready={path !== "" && problem === ""}
      onSubmit={async () => {
        await putFile(flow, path, "", null);
        open(path);
      }}
      onClose={onClose}
    >
      <Field label="Path" required hint="Such as search.py or prompts/ask.jinja2" validationMessage={problem}>
        <Input value={path} onChange={(_, { value }) => setPath(value)} autoComplete="off" />
      </Field>
    </FormDialog>
  );
}

export function RenameFileDialog({ copy, file, onClose, open }: Common & { copy: WorkingCopy; file: FlowFile }) {
  const [path, setPath] = useState(file.path);
  const others = (copy.files.data ?? []).filter((other) => other.path !== file.path);
  const problem = pathProblem(path, others);
  const rename = async () => {
    const draft = copy.drafts[file.path];
    const { bytes, etag } = await stored(copy.flow, file.path);
    await putFile(copy.flow, path, draft?.text ?? bytes, null);
    await copy.remove({ ...file, etag });
    open(path);
  };
  return (
    <FormDialog
      title={`Rename ${file.path}`}
      action="Rename"
      ready={path !== file.path && path !== "" && problem === "" && !copy.saving}
      onSubmit={rename}
      onClose={onClose}
    >
      <Field
        label="Path"
        required
        hint="Nodes that name the file in their source go on naming the old one."
        validationMessage={problem}
      >
        <Input value={path} onChange={(_, { value }) => setPath(value)} autoComplete="off" />
      </Field>
    </FormDialog>
  );
}

export function DeleteFileDialog({ copy, file, onClose }: { copy: WorkingCopy; file: FlowFile; onClose: () => void }) {
  return (
    <FormDialog title={`Delete ${file.path}?`} action="Delete" onSubmit={() => copy.remove(file)} onClose={onClose}>
      <Text>The versions that were saved before go on having it.</Text>
    </FormDialog>
  );
}

type UploadProps = Common & { flow: string; files: readonly FlowFile[]; picked: readonly File[] };

export function UploadFilesDialog({ flow, files, picked, onClose, open }: UploadProps) {
  const toasts = useToasts();
  const [folder, setFolder] = useState("");
  const prefix = folder ? `${folder.replace(/\/+$/, "")}/` : "";
  const found = (name: string) => files.find((file) => file.path === prefix + name);
  const replaced = picked.filter(({ name }) => found(name)).map(({ name }) => prefix + name);
  const upload = async () => {
    for (const file of picked) {
      const saved = await putFile(flow, prefix + file.name, file, found(file.name)?.etag ?? null);
      if (saved.warning) toasts.failed(saved.path, new Error(saved.warning));
    }
    const [first] = picked;
    if (first) open(prefix + first.name);
  };
  return (
    <FormDialog
      title={picked.length === 1 ? `Upload ${picked[0]?.name}` : `Upload ${picked.length} files`}
      action="Upload"
      ready={folder === "" || pathProblem(`${prefix}x`, []) === ""}
      onSubmit={upload}
      onClose={onClose}
    >
      <Field label="Into the folder" hint="Empty for the flow's own folder">
        <Input value={folder} onChange={(_, { value }) => setFolder(value)} autoComplete="off" />
      </Field>
      {replaced.length > 0 && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            {replaced.join(", ")} {replaced.length === 1 ? "is" : "are"} replaced; the version of before stays.
          </MessageBarBody>
        </MessageBar>
      )}
    </FormDialog>
  );
}

/** What keeps this path from being a new file's; "" for an empty path too, which says so itself. */
export function pathProblem(path: string, files: readonly FlowFile[]): string {
  if (path === "") return "";
  if (path.split("/").some((part) => part === "" || part === "." || part === "..")) {
    return "It has an empty or relative part.";
  }
  if (path.includes("\\")) return "Use / between folders.";
  if (files.some((file) => file.path === path)) return "There is a file of this path.";
  const conflict = files.find((file) => file.path.startsWith(`${path}/`) || path.startsWith(`${file.path}/`));
  return conflict ? `${conflict.path} is in the way: it cannot be both a file and a folder.` : "";
}
