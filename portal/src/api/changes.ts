/** What is shown is kept fresh by the server's events. A browser keeps at most six connections to a host and a stream
 * takes one, so one tab follows for all tabs; when it goes, another one goes on. */

import { ApiError, errorOf, send, urlOf } from "./client";
import { eventsOf, type ServerEvent } from "./events";
import { noteAll, noteChange } from "./queries";

type News = { kind: "event"; event: ServerEvent } | { kind: "connected"; stands: boolean } | { kind: "begun anew" };
type Said = News | { kind: "who is there" };

const NAME = "flowstead.events";
const PAUSE_MS = 1000;
/** Until whoever may not follow events is let to ask again: he may have been given a role. */
const REFUSED_PAUSE_MS = 30_000;

/** Keep what is shown fresh until the signal. connected: told whether the server answers. */
export async function followChanges(signal: AbortSignal, connected: (stands: boolean) => void): Promise<void> {
  const channel = new BroadcastChannel(NAME);
  /** What the next to follow begins with, and the new tabs are told. */
  const known = { last: "", stands: null as boolean | null, leads: false };
  const hear = (news: News) => {
    if (news.kind === "connected") {
      known.stands = news.stands;
      connected(news.stands);
    } else if (news.kind === "begun anew") noteAll();
    else note(news.event);
    if (news.kind === "event" && news.event.id) known.last = news.event.id;
  };
  const tell = (news: News) => {
    channel.postMessage(news);
    hear(news);
  };
  channel.onmessage = ({ data }: MessageEvent<Said>) => {
    if (data.kind !== "who is there") hear(data);
    else if (known.leads && known.stands !== null) channel.postMessage({ kind: "connected", stands: known.stands });
  };
  channel.postMessage({ kind: "who is there" });
  try {
    await alone(signal, () => {
      known.leads = true;
      return lead(signal, () => known.last, known.stands !== null, tell);
    });
  } catch (failure) {
    if (!signal.aborted) throw failure;
  } finally {
    channel.close();
  }
}

/** Only one tab of the browser does it at a time; the others wait. */
async function alone(signal: AbortSignal, action: () => Promise<void>): Promise<void> {
  // Browsers offer it where the portal comes by TLS or from the machine itself.
  if (!("locks" in navigator)) return action();
  await navigator.locks.request(NAME, { signal }, action);
}

/** resumes: somebody followed before, and something may have been missed since. */
async function lead(signal: AbortSignal, last: () => string, resumes: boolean, tell: (news: News) => void) {
  let anew = resumes;
  while (!signal.aborted) {
    let pause = PAUSE_MS;
    try {
      const headers: Record<string, string> = last() ? { "Last-Event-ID": last() } : {};
      const answer = await send(urlOf("/events"), { signal, headers });
      if (!answer.ok) throw await errorOf(answer);
      tell({ kind: "connected", stands: true });
      if (anew) tell({ kind: "begun anew" });
      anew = true;
      for await (const event of eventsOf(answer)) tell({ kind: "event", event });
    } catch (failure) {
      if (signal.aborted) return;
      const isRefused = failure instanceof ApiError && failure.status === 403;
      tell({ kind: "connected", stands: isRefused });
      if (isRefused) pause = REFUSED_PAUSE_MS;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

function note(event: ServerEvent): void {
  if (event.type === "reset") noteAll();
  const resource = (event.data as { resourceId?: string } | null)?.resourceId;
  if (resource) noteChange(resource);
  if (event.type === "operationProgressed") noteChange("/notifications");
}
