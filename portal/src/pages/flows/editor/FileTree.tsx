import {
  Button,
  CounterBadge,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  makeStyles,
  mergeClasses,
  Text,
  tokens,
} from "@fluentui/react-components";
import {
  AddRegular,
  ArrowDownloadRegular,
  ArrowUploadRegular,
  DeleteRegular,
  DocumentRegular,
  MoreVerticalRegular,
  RenameRegular,
} from "@fluentui/react-icons";
import { useRef, useState } from "react";
import { Allowed } from "../../../components/Allowed";
import { useToasts } from "../../../components/toasts";
import { bytesOf, download, type FlowFile, type Problem } from "../api";
import { AddFileDialog, DeleteFileDialog, RenameFileDialog, UploadFilesDialog } from "./FileDialogs";
import type { WorkingCopy } from "./useWorkingCopy";

const useStyles = makeStyles({
  tree: { display: "grid", gridTemplateRows: "auto 1fr", minHeight: 0, minWidth: 0 },
  head: { display: "flex", alignItems: "center", justifyContent: "space-between" },
  list: { listStyleType: "none", margin: 0, padding: 0, overflowY: "auto", minHeight: 0 },
  row: { display: "flex", alignItems: "center", minWidth: 0, borderRadius: tokens.borderRadiusMedium },
  shown: { backgroundColor: tokens.colorNeutralBackground1Selected },
  file: { flexGrow: 1, minWidth: 0, justifyContent: "start", fontWeight: tokens.fontWeightRegular },
  name: { overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
  folder: { color: tokens.colorNeutralForeground2, paddingInlineStart: tokens.spacingHorizontalS },
  unsaved: { color: tokens.colorBrandForeground1, paddingInlineStart: tokens.spacingHorizontalXXS },
});

type Props = {
  copy: WorkingCopy;
  files: readonly FlowFile[];
  problems: readonly Problem[];
  shown: string;
  open: (path: string) => void;
};

type Asking = { what: "add" } | { what: "rename" | "delete"; file: FlowFile } | { what: "upload"; picked: File[] };

/** The flow's files. What is not saved has a dot, what has errors their number. */
export function FileTree({ copy, files, problems, shown, open }: Props) {
  const styles = useStyles();
  const [asking, setAsking] = useState<Asking | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const close = () => setAsking(null);
  return (
    <section className={styles.tree} aria-label="Files">
      <div className={styles.head}>
        <Text weight="semibold">Files</Text>
        <div>
          <Allowed to="flows/write" on={`/flows/${copy.flow}`}>
            <Button
              size="small"
              appearance="subtle"
              icon={<AddRegular />}
              aria-label="Add a file"
              title="Add a file"
              onClick={() => setAsking({ what: "add" })}
            />
          </Allowed>
          <Allowed to="flows/write" on={`/flows/${copy.flow}`}>
            <Button
              size="small"
              appearance="subtle"
              icon={<ArrowUploadRegular />}
              aria-label="Upload files"
              title="Upload files"
              onClick={() => input.current?.click()}
            />
          </Allowed>
        </div>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={({ target }) => {
            if (target.files?.length) setAsking({ what: "upload", picked: [...target.files] });
            target.value = "";
          }}
        />
      </div>
      <ul className={styles.list}>
        {files.map((file, index) => (
          <li key={file.path}>
            <Folders path={file.path} before={files[index - 1]?.path ?? ""} />
            <FileRow
              file={file}
              isShown={file.path === shown}
              isDirty={file.path in copy.drafts}
              errors={problems.filter((each) => each.file === file.path && each.severity === "error").length}
              open={() => open(file.path)}
              ask={(what) => setAsking({ what, file })}
              flow={copy.flow}
            />
          </li>
        ))}
      </ul>
      {asking?.what === "add" && <AddFileDialog flow={copy.flow} files={files} onClose={close} open={open} />}
      {asking?.what === "rename" && <RenameFileDialog copy={copy} file={asking.file} onClose={close} open={open} />}
      {asking?.what === "delete" && <DeleteFileDialog copy={copy} file={asking.file} onClose={close} />}
      {asking?.what === "upload" && (
        <UploadFilesDialog flow={copy.flow} files={files} picked={asking.picked} onClose={close} open={open} />
      )}
    </section>
  );
}

/** The folders that begin with this file. */
function Folders({ path, before }: { path: string; before: string }) {
  const styles = useStyles();
  const folders = path.split("/").slice(0, -1);
  const same = before.split("/").slice(0, -1);
  const first = folders.findIndex((name, depth) => name !== same[depth]);
  if (first < 0) return null;
  return folders.slice(first).map((name, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a path's parts have their order
    <div key={index} className={styles.folder} style={{ marginInlineStart: indent(first + index) }}>
      <Text size={200}>{name}/</Text>
    </div>
  ));
}

type RowProps = {
  file: FlowFile;
  isShown: boolean;
  isDirty: boolean;
  errors: number;
  open: () => void;
  ask: (what: "rename" | "delete") => void;
  flow: string;
};

function FileRow({ file, isShown, isDirty, errors, open, ask, flow }: RowProps) {
  const styles = useStyles();
  const toasts = useToasts();
  const name = file.path.split("/").at(-1) ?? "";
  const fetch = async () => {
    try {
      download(await bytesOf(flow, file.path), name);
    } catch (failure) {
      toasts.failed(`${file.path} was not downloaded.`, failure);
    }
  };
  return (
    <div
      className={mergeClasses(styles.row, isShown && styles.shown)}
      style={{ marginInlineStart: indent(file.path.split("/").length - 1) }}
    >
      <Button
        className={styles.file}
        size="small"
        appearance="transparent"
        icon={<DocumentRegular />}
        aria-current={isShown}
        title={file.path}
        onClick={open}
      >
        <span className={styles.name}>{name}</span>
        {isDirty && (
          <span className={styles.unsaved} role="img" aria-label="Not saved" title="Not saved">
            ●
          </span>
        )}
      </Button>
      {errors > 0 && <CounterBadge count={errors} size="small" color="danger" title={`${errors} errors`} aria-hidden />}
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Button
            size="small"
            appearance="transparent"
            icon={<MoreVerticalRegular />}
            aria-label={`Actions on ${file.path}`}
          />
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            <Allowed to="flows/write" on={`/flows/${flow}`}>
              <MenuItem icon={<RenameRegular />} onClick={() => ask("rename")}>
                Rename
              </MenuItem>
            </Allowed>
            <MenuItem icon={<ArrowDownloadRegular />} onClick={() => void fetch()}>
              Download
            </MenuItem>
            <Allowed to="flows/write" on={`/flows/${flow}`}>
              <MenuItem icon={<DeleteRegular />} onClick={() => ask("delete")}>
                Delete
              </MenuItem>
            </Allowed>
          </MenuList>
        </MenuPopover>
      </Menu>
    </div>
  );
}

function indent(depth: number): string {
  return `${depth * 0.75}rem`;
}
