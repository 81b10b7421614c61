import { useEffect, useRef, useState } from "react";
import { ApiError, errorOf, send, urlOf } from "../../../api/client";
import { deploymentPath } from "../../../api/endpoints";
import { eventsOf } from "../../../api/events";
import { useRefusal } from "../../../api/may";
import { whenShown, whileShown } from "../../../api/visibility";
import { appended, type LogLine } from "./lines";

export type Container = "InferenceServer" | "StorageInitializer";
/** instance: its name, "" for all. */
export type Wanted = { endpoint: string; deployment: string; container: Container; instance: string; tail: number };

const PAUSE_MS = 1000;
const GATHER_MS = 100;
/** So long a tab that nobody looks at goes on following. */
const HIDDEN_MS = 60_000;
/** begun: it has been connected at least once. */
type Log = { lines: readonly LogLine[]; failure: unknown; connected: boolean; begun: boolean };
type LogEvent = { log: string; lines: string[] };

/** The log as it is written. Cut off, it begins again by itself; who is refused stays refused. */
export function useLog({ endpoint, deployment, container, instance, tail }: Wanted): Log {
  const [log, setLog] = useState<Log>({ lines: [], failure: null, connected: false, begun: false });
  // Who is given the role later on follows then.
  const refused =
    useRefusal("onlineEndpoints/deployments/getLogs/action", deploymentPath(endpoint, deployment)) !== null;
  const lines = useRef<readonly LogLine[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whether he is refused, `send` says
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = (more: Partial<Log> = {}) =>
      !signal.aborted && setLog((now) => ({ ...now, lines: lines.current, ...more }));
    // Much may come at once: what has come is drawn some times a second.
    const showSoon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        show();
      }, GATHER_MS);
    };
    const follow = async (shown: AbortSignal) => {
      const path = `${deploymentPath(endpoint, deployment)}/followLogs`;
      const asked = { containerType: container, tail: String(tail), ...(instance && { instanceId: instance }) };
      const answer = await send(urlOf(path, asked), { signal: shown });
      if (!answer.ok) throw await errorOf(answer);
      lines.current = [];
      show({ connected: true, failure: null, begun: true });
      for await (const { type, data } of eventsOf(answer)) {
        if (type !== "log") continue;
        const event = data as LogEvent;
        lines.current = appended(lines.current, event.log, event.lines);
        showSoon();
      }
    };
    const keepFollowing = async () => {
      while (!signal.aborted) {
        try {
          await whenShown(signal);
          await whileShown(signal, HIDDEN_MS, follow);
        } catch (failure) {
          if (failure instanceof ApiError) return show({ failure, connected: false });
        }
        show({ connected: false });
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    };
    lines.current = [];
    show({ failure: null, connected: false });
    void keepFollowing();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [endpoint, deployment, container, instance, tail, refused]);
  return log;
}
