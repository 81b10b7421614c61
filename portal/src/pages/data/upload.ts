/** Sending files into the datastore and registering them as a version of a data asset. */

import { api, at, body, SITE } from "../../api/client";
import { newGuid } from "../../api/guid";
import { putFile, uriOf } from "../../components/records/datastore";

/** Files up to this are sent at once; larger ones in blocks. */
const BLOCK_BYTES = 32 * 1024 * 1024;

export type Chosen = { path: string; file: File };
export type Upload = {
  name: string;
  version: string;
  type: "uri_file" | "uri_folder" | "mltable";
  description: string;
  files: Chosen[];
};

/** progress: told how many bytes of how many are sent. signal: nothing is registered once it is aborted. Throws ApiError. */
export async function uploadData(
  { name, version, type, description, files }: Upload,
  progress: (sent: number, all: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const folder = `LocalUpload/${newGuid().replaceAll("-", "")}`;
  const all = files.reduce((sum, { file }) => sum + file.size, 0);
  let sent = 0;
  for (const { path, file } of files) {
    const before = sent;
    await sendFile(`${folder}/${path}`, file, signal, (part) => progress(before + part, all));
    sent += file.size;
    progress(sent, all);
  }
  const top = files[0]?.path.split("/")[0] ?? "";
  const properties = { dataUri: uriOf(`${folder}/${top}`), dataType: type, description };
  // What is there under this name and version stays what it is.
  const params = { path: at({ name, version }), header: { "If-None-Match": "*" } };
  await body(api.PUT(`${SITE}/data/{name}/versions/{version}`, { params, body: { properties } as never, signal }));
}

async function sendFile(path: string, file: File, signal: AbortSignal, progress: (sent: number) => void) {
  if (file.size <= BLOCK_BYTES) {
    await putFile(path, file, {}, signal);
    return;
  }
  const ids: string[] = [];
  for (let from = 0; from < file.size; from += BLOCK_BYTES) {
    const id = btoa(String(ids.length).padStart(8, "0"));
    await putFile(path, file.slice(from, from + BLOCK_BYTES), { comp: "block", blockid: id }, signal);
    ids.push(id);
    progress(Math.min(from + BLOCK_BYTES, file.size));
  }
  const list = ids.map((id) => `<Latest>${id}</Latest>`).join("");
  await putFile(
    path,
    `<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`,
    { comp: "blocklist" },
    signal,
  );
}

/** Of a folder's files as the browser gives them; what is hidden or empty of a name stays as it is. */
export function chosenOf(files: readonly File[]): Chosen[] {
  return files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

export function typeOf(files: readonly Chosen[]): Upload["type"] {
  if (files.length === 1 && !files[0]?.path.includes("/")) return "uri_file";
  return files.some(({ path }) => path.split("/").length === 2 && path.endsWith("/MLTable")) ? "mltable" : "uri_folder";
}

export function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const step = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${step === 0 ? bytes : (bytes / 1024 ** step).toFixed(1)} ${units[step]}`;
}
