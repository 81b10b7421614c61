/** The workspace's datastore, by the protocol of Azure Blob Storage, with a signature that lives in memory alone. */

import { type ApiError, api, at, body, errorFrom, SITE, send } from "../../api/client";

const DATASTORE = "workspaceblobstore";
const CONTAINER = "azureml-blobstore";
const HOST = "/flowstead.blob.core.private";
/** Signatures live an hour. */
const RENEWED_MS = 50 * 60_000;
const MOST_NAMES = 50_000;

export type StoredFile = { path: string; size: number; modified: string };

let signature: { token: Promise<string>; until: number } | null = null;

/** Throws ApiError where the roles do not allow to read the datastore. */
function signed(): Promise<string> {
  if (signature && signature.until > Date.now()) return signature.token;
  const params = { path: at({ datastore: DATASTORE }) };
  const token = body(api.POST(`${SITE}/datastores/{datastore}/listSecrets`, { params, body: {} as never })).then(
    (found) => (found as unknown as { sasToken: string }).sasToken,
  );
  signature = { token, until: Date.now() + RENEWED_MS };
  token.catch(() => {
    signature = null;
  });
  return token;
}

async function ask(path: string, query: Record<string, string>, init: RequestInit = {}): Promise<Response> {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  const below = path ? `/${encoded}` : "";
  const more = Object.keys(query).length > 0 ? `${new URLSearchParams(query)}&` : "";
  const answer = await send(`${HOST}/${CONTAINER}${below}?${more}${await signed()}`, init);
  if (answer.ok) return answer;
  throw refusal(await answer.text(), answer.status);
}

function refusal(text: string, status: number): ApiError {
  const code = /<Code>([^<]*)/.exec(text)?.[1] ?? "";
  const message = unescaped(/<Message>([^<]*)/.exec(text)?.[1] ?? `The datastore answered ${status}.`);
  return errorFrom({ error: { code, message } }, status);
}

/** The files whose paths begin so, by name. */
export async function listFiles(prefix: string): Promise<StoredFile[]> {
  const found: StoredFile[] = [];
  let marker = "";
  do {
    const asked = { restype: "container", comp: "list", prefix, ...(marker && { marker }) };
    const text = await (await ask("", asked)).text();
    found.push(...filesIn(text));
    marker = unescaped(/<NextMarker>([^<]*)/.exec(text)?.[1] ?? "");
  } while (marker && found.length < MOST_NAMES);
  return found;
}

/** By hand: the policy of the page lets no text be made a document. */
export function filesIn(listing: string): StoredFile[] {
  return listing
    .split("<Blob>")
    .slice(1)
    .map((item) => {
      const [, encoded, name] = /<Name( Encoded="true")?>([^<]*)/.exec(item) ?? [];
      return {
        path: encoded ? decodeURIComponent(name ?? "") : unescaped(name ?? ""),
        size: Number(/<Content-Length>(\d+)/.exec(item)?.[1] ?? 0),
        modified: new Date(/<Last-Modified>([^<]*)/.exec(item)?.[1] ?? 0).toISOString(),
      };
    });
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? "");
}

/** Bytes from `from` up to `to`, which is not among them. */
export async function readRange(path: string, from: number, to: number): Promise<Uint8Array> {
  if (to <= from) return new Uint8Array();
  const answer = await ask(path, {}, { headers: { "x-ms-range": `bytes=${from}-${to - 1}` } });
  return new Uint8Array(await answer.arrayBuffer());
}

export async function readFile(path: string): Promise<Blob> {
  return (await ask(path, {})).blob();
}

/** Store the file, or a part of one as comp and blockid say. */
export async function putFile(
  path: string,
  content: Blob | string,
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  await ask(path, query, { method: "PUT", body: content, headers: { "x-ms-blob-type": "BlockBlob" }, signal });
}

const LONG = /^azureml:\/\/subscriptions\/.+\/datastores\/([^/]+)\/paths\/(.+)$/i;
const SHORT = /^azureml:\/\/datastores\/([^/]+)\/paths\/(.+)$/i;

/** The path of an asset's address in the datastore, null for one that lies elsewhere. */
export function pathOf(uri: string): string | null {
  const [, store, path] = SHORT.exec(uri) ?? LONG.exec(uri) ?? [];
  if (store?.toLowerCase() === DATASTORE) return (path ?? "").replace(/\/+$/, "");
  const [, container, below] = /^https?:\/\/[^/]+\/(?:flowstead\.blob\.[^/]+\/)?([^/]+)\/(.+)$/i.exec(uri) ?? [];
  return container === CONTAINER ? decodeURIComponent((below ?? "").replace(/\/+$/, "")) : null;
}

export function uriOf(path: string): string {
  return `azureml://datastores/${DATASTORE}/paths/${path}`;
}
