/** Calls a deployment as its callers do, and reads what comes back. */

import { ApiError, AwayError, errorFrom, errorOf } from "../../../api/client";
import { eventsOf } from "../../../api/events";
import { parseJson, writeJson } from "../../../api/exactJson";
import type { About, Piece, Verdict } from "../../../components/chat/turns";
import type { Credential } from "../../../components/credentials/credential";
import type { Values } from "../../../components/inputs/signature";
import { isObject } from "../../../components/inputs/types";

const PIN = "azureml-model-deployment";

export type Target = { endpoint: string; deployment: string; credential: Credential };

/** One request to the flow. What is known of the answer comes first, with the trace that feedback belongs to. */
export async function* score(target: Target, inputs: Values, signal: AbortSignal): AsyncGenerator<Piece> {
  const traceparent = newTrace();
  const headers = { traceparent, Accept: "text/event-stream, application/json" };
  const answer = await call(target, "score", inputs, headers, signal);
  const about: Record<string, string> = {
    traceparent,
    requestId: answer.headers.get("x-ms-request-id") ?? "",
    status: String(answer.status),
    // Only an instance's answer names one: the gateway also refuses by itself.
    deployment: answer.headers.get(PIN) ?? "",
  };
  yield { about };
  if (!answer.ok) throw await errorOf(answer);
  if (answer.headers.get("content-type")?.startsWith("text/event-stream")) yield* streamed(answer, signal);
  else yield { outputs: named(parsed(await answer.text())) };
}

/** Sends what a person thinks of an answer, under that one's request id and trace. Tells where it is kept. */
export async function sendVerdict(target: Target, about: About, verdict: Verdict): Promise<string> {
  const headers = { traceparent: about.traceparent ?? "", "x-request-id": about.requestId ?? "" };
  const answer = await call(target, "feedback?flatten=true", { thumbs: verdict }, headers);
  if (!answer.ok) throw await errorOf(answer);
  return "It is in the deployment's log, under this request's id.";
}

/** Through the origin that the portal has: it may call no other, whatever host the endpoint has. */
async function call(
  target: Target,
  path: string,
  sent: unknown,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  const ask = async () => {
    const authorization = `Bearer ${await target.credential.get()}`;
    return fetch(`/endpoints/${encodeURIComponent(target.endpoint)}/${path}`, {
      method: "POST",
      headers: {
        ...headers,
        Authorization: authorization,
        "Content-Type": "application/json",
        [PIN]: target.deployment,
      },
      body: writeJson(sent),
      credentials: "omit",
      cache: "no-store",
      ...(signal && { signal }),
    });
  };
  try {
    const answer = await ask();
    if (answer.status !== 401) return answer;
    // A key may have been replaced since it was asked for.
    target.credential.forget();
    return await ask();
  } catch (failure) {
    if (signal?.aborted || failure instanceof ApiError || failure instanceof AwayError) throw failure;
    throw new AwayError("The endpoint does not answer. Look at flowstead status, then try again.");
  }
}

async function* streamed(answer: Response, signal: AbortSignal): AsyncGenerator<Piece> {
  try {
    for await (const { type, data } of eventsOf(answer, parseJson)) {
      if (type === "error") throw errorFrom(data, answer.status, answer.headers.get("x-ms-request-id") ?? "");
      yield { outputs: named(data) };
    }
  } catch (failure) {
    if (signal.aborted || failure instanceof ApiError) throw failure;
    throw new AwayError("The answer broke off.");
  }
}

/** Numbers such as NaN have no word in JSON, and are sent all the same: such an answer is shown as it came. */
function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** A flow may answer a bare value instead of named outputs. */
function named(answer: unknown): Values {
  return isObject(answer) ? answer : { output: answer };
}

/** By whom a request was refused, as callers of endpoints have to tell them apart. */
const HEADINGS: Record<number, string> = {
  200: "The flow failed after it had begun to answer.",
  401: "The endpoint did not take the key or token (401).",
  404: "The endpoint has no such deployment (404).",
  408: "The flow took longer than the deployment's request time-out (408).",
  413: "The request is too large (413).",
  424: "The flow failed (424).",
  429: "The deployment has too many requests at once (429).",
  503: "No instance is ready to answer (503).",
};

export function headingOf(failure: unknown): string {
  if (!(failure instanceof ApiError)) return "No answer.";
  return HEADINGS[failure.status] ?? `The request was refused (${failure.status}).`;
}

/** A trace context of our own making, sampled. */
function newTrace(): string {
  return `00-${randomHex(16)}-${randomHex(8)}-01`;
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
