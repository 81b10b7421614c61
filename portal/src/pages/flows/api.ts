/** What the pages of flows ask of the API and tell it. */

import { type Query, useQuery } from "@tanstack/react-query";
import { all, api, at, body, errorOf, type Schemas, SITE, send, urlOf } from "../../api/client";
import { parseJson, writeJson } from "../../api/exactJson";
import { keyOf, noteChange, sparing } from "../../api/queries";
import type { Pairs } from "../../components/TagsEditor";

export type Flow = {
  name: string;
  properties: {
    description?: string;
    tags: Pairs;
    template: string;
    type: string;
    version?: string | null;
    files: number;
    bytes: number;
  };
  systemData?: { createdAt?: string; createdBy?: string; lastModifiedAt?: string; lastModifiedBy?: string };
};
export type FlowVersion = {
  name: string;
  properties: { note: string; files: number; bytes: number };
  systemData?: { createdAt?: string; createdBy?: string };
};
export type FlowFile = { path: string; size: number; etag: string; warning?: string };
export type Examined = Schemas["Examined"];
export type Problem = Examined["problems"][number];
export type Described = NonNullable<Examined["flow"]>;
/** text: null for what is no text, or too long to be edited. */
export type FileContent = { text: string | null; etag: string };

/** Longer files are no source that somebody edits by hand. */
const LONGEST_TEXT = 1_000_000;

export function useFlows() {
  return useQuery({ queryKey: keyOf("/flows"), queryFn: () => all<Flow>("/flows") });
}

export function useFlow(flow: string) {
  return useQuery({
    queryKey: keyOf(place(flow)),
    queryFn: () => body(api.GET(`${SITE}/flows/{flow}`, { params: { path: at({ flow }) } })) as Promise<Flow>,
  });
}

export function useFiles(flow: string) {
  return useQuery({ queryKey: keyOf(`${place(flow)}/files`), queryFn: () => filesOf(flow) });
}

export async function filesOf(flow: string, version?: string): Promise<FlowFile[]> {
  const asked = { params: { path: at({ flow }), query: version ? { version } : {} } };
  return (await body(api.GET(`${SITE}/flows/{flow}/files`, asked))).value;
}

/** The file as it is now, or was in a version. Asked for again when the flow changes. */
export function useContent(flow: string, file: string, version?: string) {
  return useQuery({
    queryKey: keyOf(`${place(flow)}/files`, file, version ?? ""),
    queryFn: () => contentOf(flow, file, version),
    enabled: file !== "",
  });
}

export async function contentOf(flow: string, file: string, version?: string): Promise<FileContent> {
  const answer = await asked(fileUrl(flow, file, version));
  const bytes = await answer.arrayBuffer();
  return { text: textOf(bytes), etag: answer.headers.get("ETag") ?? "" };
}

export async function bytesOf(flow: string, file: string): Promise<Blob> {
  return (await stored(flow, file)).bytes;
}

/** The file as the server has it at this moment, whatever was listed. */
export async function stored(flow: string, file: string): Promise<{ bytes: Blob; etag: string }> {
  const answer = await asked(fileUrl(flow, file));
  return { bytes: await answer.blob(), etag: answer.headers.get("ETag") ?? "" };
}

/** Save a file. etag: of what it is made from; null when it is to be new. Throws ApiError, 412 when it is another. */
export async function putFile(flow: string, file: string, data: BodyInit, etag: string | null): Promise<FlowFile> {
  const headers = { ...ifMatch(etag), "Content-Type": "application/octet-stream" };
  const answer = await asked(fileUrl(flow, file), { method: "PUT", body: data, headers });
  noteChange(place(flow));
  return (await answer.json()) as FlowFile;
}

export async function deleteFile(flow: string, file: string, etag: string): Promise<void> {
  const showsIt = ({ queryKey }: Query) => queryKey[0] === keyOf(`${place(flow)}/files`)[0] && queryKey[1] === file;
  await sparing(
    showsIt,
    async () => void (await asked(fileUrl(flow, file), { method: "DELETE", headers: ifMatch(etag) })),
  );
  noteChange(place(flow));
}

/** What `validate` says of the files as they are saved. */
export function useExamined(flow: string) {
  return useQuery({
    queryKey: keyOf(`${place(flow)}/validate`),
    // As text: the defaults of its inputs hold numbers that the type of the answer cannot have.
    queryFn: async () => {
      const options = { params: { path: at({ flow }) }, parseAs: "text" } as const;
      return parseJson(await body(api.POST(`${SITE}/flows/{flow}/validate`, options))) as Examined;
    },
  });
}

export function useVersions(flow: string) {
  return useQuery({
    queryKey: keyOf(`${place(flow)}/versions`),
    queryFn: async () => (await all<FlowVersion>(`${place(flow)}/versions`)).reverse(),
  });
}

export async function restore(flow: string, version: string): Promise<void> {
  const params = { path: at({ flow, version }) };
  await body(api.POST(`${SITE}/flows/{flow}/versions/{version}/restore`, { params }));
  noteChange(place(flow));
}

type NewFlow = { template?: string; description?: string; tags?: Pairs };

/** Throws ApiError, 412 when there is a flow of this name. */
export async function createFlow(flow: string, properties: NewFlow): Promise<void> {
  const params = { path: at({ flow }), header: { "If-None-Match": "*" } };
  await body(api.PUT(`${SITE}/flows/{flow}`, { params, body: { properties } }));
  noteChange(place(flow));
}

export async function describeFlow(flow: string, properties: { description: string; tags: Pairs }): Promise<void> {
  await body(api.PUT(`${SITE}/flows/{flow}`, { params: { path: at({ flow }) }, body: { properties } }));
  noteChange(place(flow));
}

/** The archive's files become the flow's; the flow is made when it is not there. */
export async function importArchive(flow: string, archive: Blob): Promise<void> {
  const headers = { "Content-Type": "application/zip" };
  await asked(urlOf(`${place(flow)}/import`), { method: "POST", body: archive, headers });
  noteChange(place(flow));
}

export async function exportArchive(flow: string, version?: string): Promise<Blob> {
  const answer = await asked(urlOf(`${place(flow)}/export`, version ? { version } : {}), { method: "POST" });
  return answer.blob();
}

export type FlowFolders = Schemas["FlowFolders"];
export type FlowFolder = FlowFolders["value"][number];

const LOOK_AGAIN_MS = 3000;

/** The folders of flows on the server's machine. Nothing tells when a file changes there, so it is looked again. */
export function useFolders() {
  return useQuery({
    queryKey: keyOf("/flowFolders"),
    queryFn: () => body(api.GET(`${SITE}/flowFolders`, { params: { path: at() } })),
    refetchInterval: LOOK_AGAIN_MS,
  });
}

export async function importFolder(folder: string): Promise<string> {
  const params = { path: at({ folder }) };
  const taken = await body(api.POST(`${SITE}/flowFolders/{folder}/import`, { params }));
  noteChange(place(taken.name));
  noteChange("/flowFolders");
  return taken.name;
}

/** A flow of another name with the same files, description and tags. */
export async function duplicate(flow: Flow, name: string): Promise<void> {
  const archive = flow.properties.files > 0 ? await exportArchive(flow.name) : null;
  const { description = "", tags } = flow.properties;
  await createFlow(name, { description, tags });
  if (archive) await importArchive(name, archive);
}

export async function deleteFlow(flow: string): Promise<void> {
  await body(api.DELETE(`${SITE}/flows/{flow}`, { params: { path: at({ flow }) } }));
  noteChange(place(flow));
}

/** Run the files as they are saved; the answer is a stream of events. */
export async function startTest(
  flow: string,
  inputs: Record<string, unknown>,
  environmentVariables: Pairs,
  signal: AbortSignal,
): Promise<Response> {
  return asked(urlOf(`${place(flow)}/test`), {
    method: "POST",
    body: writeJson({ inputs, environmentVariables }),
    headers: { "Content-Type": "application/json" },
    signal,
  });
}

/** A file of this machine, for whoever pressed a button. */
export function download(data: Blob, name: string): void {
  const address = URL.createObjectURL(data);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** null for bytes that are no text, or too many. */
export function textOf(bytes: ArrayBuffer): string | null {
  if (bytes.byteLength > LONGEST_TEXT) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

function place(flow: string): string {
  return `/flows/${encodeURIComponent(flow)}`;
}

function fileUrl(flow: string, file: string, version?: string): string {
  const segments = file.split("/").map(encodeURIComponent).join("/");
  return urlOf(`${place(flow)}/files/${segments}`, version ? { version } : {});
}

function ifMatch(etag: string | null): Record<string, string> {
  return etag === null ? { "If-None-Match": "*" } : { "If-Match": etag };
}

async function asked(url: string, init: RequestInit = {}): Promise<Response> {
  const answer = await send(url, init);
  if (!answer.ok) throw await errorOf(answer);
  return answer;
}
