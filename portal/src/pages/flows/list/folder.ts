/** A flow's folder as it is chosen, or dropped, in a browser. */

import { zipOf } from "./zip";

/** path: below the folder that was chosen, with that folder in front. */
export type PickedFile = { path: string; file: File };
/** archive: what the server takes. name: what the flow may be called. */
export type Picked = { archive: Blob; name: string; files: number };

/** What tools leave behind and what belongs to no flow; the server leaves most of it out as well. */
const LEFT_OUT = new Set([
  "__pycache__",
  "__MACOSX",
  ".git",
  ".promptflow",
  ".runs",
  ".DS_Store",
  ".venv",
  "node_modules",
]);
/** The server's own bounds, said before anything is sent. */
const MOST_FILES = 2000;
const MOST_BYTES = 128 * 1024 * 1024;

/** Of what an input or a drop gave. Throws Error with what is wrong with it. */
export async function pickedFrom(files: readonly PickedFile[]): Promise<Picked> {
  const [only] = files;
  if (files.length === 1 && only && /\.zip$/i.test(only.path)) {
    return { archive: only.file, name: nameFrom(only.file.name.replace(/\.zip$/i, "")), files: 0 };
  }
  const kept = files.filter(({ path }) => !path.split("/").some((part) => LEFT_OUT.has(part)));
  if (kept.length === 0) throw new Error("There are no files in it. Choose the folder that holds flow.dag.yaml.");
  if (kept.length > MOST_FILES) {
    throw new Error(`It has ${kept.length} files; a flow has at most ${MOST_FILES}. Choose the flow's own folder.`);
  }
  if (kept.reduce((sum, { file }) => sum + file.size, 0) > MOST_BYTES) {
    throw new Error("It has more than 128 MiB. Let the flow read what is larger from where it lies.");
  }
  const entries = await Promise.all(
    kept.map(async ({ path, file }) => ({ path, data: new Uint8Array(await file.arrayBuffer()) })),
  );
  return { archive: zipOf(entries), name: nameFrom(folderOf(kept)), files: kept.length };
}

export function fromInput(list: FileList): PickedFile[] {
  return [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** All files that were dropped, those in folders too. */
export async function fromDrop(items: DataTransferItemList): Promise<PickedFile[]> {
  // The list is emptied as soon as the event has been handled.
  const dropped = [...items].map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const found = dropped.map(async ({ entry, file }) => {
    if (entry) return filesBelow(entry);
    return file ? [{ path: file.name, file }] : [];
  });
  return (await Promise.all(found)).flat();
}

/** A name that the server takes, as near as can be. */
export function nameFrom(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 255);
}

function folderOf(files: readonly PickedFile[]): string {
  const tops = new Set(files.map(({ path }) => path.split("/")[0] ?? ""));
  const [top = ""] = tops;
  return tops.size === 1 && files.every(({ path }) => path.includes("/")) ? top : "";
}

async function filesBelow(entry: FileSystemEntry): Promise<PickedFile[]> {
  const path = entry.fullPath.replace(/^\//, "");
  if (LEFT_OUT.has(entry.name)) return [];
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: PickedFile[] = [];
  for (;;) {
    // It gives a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return found;
    for (const files of await Promise.all(some.map(filesBelow))) found.push(...files);
  }
}
