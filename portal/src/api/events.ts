/** Server-sent events by `fetch`: `EventSource` cannot send the proof that a request is the portal's. */

import { ApiError, errorOf, send, urlOf } from "./client";
import { noteAll, noteChange } from "./queries";

export type ServerEvent = { id: string; type: string; data: unknown };

type Read = (json: string) => unknown;

/** The events of an answer, as they come. read: how their JSON is read. */
export async function* eventsOf(answer: Response, read: Read = JSON.parse): AsyncGenerator<ServerEvent> {
  if (!answer.body) return;
  const texts = answer.body.pipeThrough(new TextDecoderStream());
  let left = "";
  for await (const text of texts) {
    const blocks = (left + text).split(/\r?\n\r?\n/);
    left = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parse(block, read);
      if (event) yield event;
    }
  }
}

/** One block of lines; null when it holds no data, such as a sign of life. */
export function parse(block: string, read: Read = JSON.parse): ServerEvent | null {
  let [id, type] = ["", "message"];
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
    if (field === "id") id = value ?? "";
    else if (field === "event") type = value ?? "";
    else if (field === "data") data.push(value ?? "");
  }
  if (data.length === 0) return id ? { id, type: "", data: null } : null;
  const text = data.join("\n");
  try {
    return { id, type, data: read(text) };
  } catch {
    return { id, type, data: text };
  }
}

const PAUSE_MS = 1000;
/** Until whoever may not follow events is let to ask again: he may have been given a role. */
const REFUSED_PAUSE_MS = 30_000;

/** Keep what is shown fresh until the signal. connected: told whether the server answers. */
export async function followChanges(signal: AbortSignal, connected: (stands: boolean) => void): Promise<void> {
  let last = "";
  let first = true;
  while (!signal.aborted) {
    let pause = PAUSE_MS;
    try {
      const answer = await send(urlOf("/events"), { signal, headers: last ? { "Last-Event-ID": last } : {} });
      if (!answer.ok) throw await errorOf(answer);
      connected(true);
      if (!first) noteAll();
      first = false;
      for await (const event of eventsOf(answer)) {
        if (event.id) last = event.id;
        if (event.type === "reset") noteAll();
        const resource = (event.data as { resourceId?: string } | null)?.resourceId;
        if (resource) noteChange(resource);
        if (event.type === "operationProgressed") noteChange("/notifications");
      }
    } catch (failure) {
      if (signal.aborted) return;
      const isRefused = failure instanceof ApiError && failure.status === 403;
      connected(isRefused);
      if (isRefused) pause = REFUSED_PAUSE_MS;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
