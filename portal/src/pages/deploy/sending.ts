/** PUT and GET of what a deployment is made of, below the workspace. */

import { QueryObserver } from "@tanstack/react-query";
import { AwayError, errorOf, send, urlOf } from "../../api/client";
import { keyOf, queries } from "../../api/queries";
import type { Body } from "./bodies";

const SETTLED = new Set(["Succeeded", "Failed", "Canceled"]);

export async function get<T>(path: string): Promise<{ data: T; headers: Headers }> {
  const answer = await send(urlOf(path));
  if (!answer.ok) throw await errorOf(answer);
  return { data: (await answer.json()) as T, headers: answer.headers };
}

export async function put(
  path: string,
  body: Body,
  headers: Record<string, string> = {},
): Promise<{ data: { id: string }; headers: Headers }> {
  const init = {
    method: "PUT",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  };
  const answer = await send(urlOf(path), init).catch((failure) => {
    if (!(failure instanceof AwayError)) throw failure;
    throw new Error("The server did not answer. Look whether it runs (flowstead status), then create again.");
  });
  if (!answer.ok) throw await errorOf(answer);
  return { data: (await answer.json()) as { id: string }, headers: answer.headers };
}

type Provisioned = { properties: { provisioningState: string; provisioningError?: { message: string } } };

/** The endpoint or deployment once what is under way has ended. The server's events say when to look again. */
export function settled(path: string): Promise<Provisioned> {
  const observer = new QueryObserver(queries, {
    queryKey: keyOf(path),
    queryFn: () => get<Provisioned>(path).then(({ data }) => data),
    refetchOnMount: "always" as const,
  });
  return new Promise((resolve, reject) => {
    const stop = observer.subscribe(({ data, error, isFetchedAfterMount }) => {
      if (!isFetchedAfterMount) return;
      if (error) reject(error);
      else if (data && SETTLED.has(data.properties.provisioningState)) resolve(data);
      else return;
      // Not before `subscribe` has answered.
      queueMicrotask(() => stop());
    });
  });
}
