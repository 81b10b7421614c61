/** Building a version of an environment, and following it. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ApiError, api, at, body, errorFrom, errorOf, SITE, send, urlOf } from "../../api/client";
import { eventsOf } from "../../api/events";
import { keyOf, queries } from "../../api/queries";
import type { Build } from "./environment";

const MOST_CHARACTERS = 1_000_000;

function pathOf(name: string, version: string): string {
  return `/environments/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}/build`;
}

export function useBuild(name: string, version: string) {
  return useQuery({
    queryKey: keyOf(pathOf(name, version)),
    queryFn: () =>
      body(
        api.GET(`${SITE}/environments/{name}/versions/{version}/build`, { params: { path: at({ name, version }) } }),
      ) as Promise<Build>,
  });
}

type Following = { running: boolean; log: string | null; failure: unknown };

/** log: of the build that was started here, null before; the failure of asking for it is not that of the build. */
export function useBuilding(name: string, version: string): Following & { start: () => Promise<void> } {
  const [state, setState] = useState<Following>({ running: false, log: null, failure: null });
  const ending = useRef<AbortController>(null);
  useEffect(() => () => ending.current?.abort(), []);
  const start = async () => {
    const abort = new AbortController();
    ending.current = abort;
    let [log, failure]: [string, unknown] = ["", null];
    setState({ running: true, log, failure });
    try {
      const answer = await send(urlOf(pathOf(name, version)), { method: "POST", signal: abort.signal });
      if (!answer.ok) throw await errorOf(answer);
      for await (const { type, data } of eventsOf(answer)) {
        if (type === "log") {
          log = (log + (data as { text: string }).text).slice(-MOST_CHARACTERS);
          setState({ running: true, log, failure });
        } else if (type === "error") failure = errorFrom(data, 200);
      }
    } catch (thrown) {
      if (abort.signal.aborted) return;
      failure = thrown;
    }
    setState({ running: false, log, failure });
    await queries.invalidateQueries({ queryKey: keyOf(pathOf(name, version)) });
  };
  return { ...state, start };
}

/** The resolver's words belong into the log's own letters. */
export function wordsOf(failure: unknown): string {
  if (!(failure instanceof ApiError)) return failure instanceof Error ? failure.message : String(failure);
  return [failure.message, failure.hint].filter(Boolean).join("\n");
}
