/** The one way to the management API: typed by its own description, with the session's proof, errors as one class. */

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.gen";
import { isOut, proof, sessionEnded } from "./session";

export type Schemas = components["schemas"];

export const GROUP = "/subscriptions/{subscription}/resourceGroups/{group}" as const;
/** What the paths of the workspace's resources begin with. */
export const SITE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/{workspace}` as const;

const PLACE = {
  subscription: "00000000-0000-0000-0000-000000000000",
  group: "flowstead",
  workspace: "default",
} as const;

/** The id of a scope, without what lies below it. */
export const SUBSCRIPTION_ID = `/subscriptions/${PLACE.subscription}`;
export const GROUP_ID = `${SUBSCRIPTION_ID}/resourceGroups/${PLACE.group}`;
export const WORKSPACE_ID = `${GROUP_ID}/providers/Microsoft.MachineLearningServices/workspaces/${PLACE.workspace}`;
export const API_VERSION = "2024-10-01";

/** Path parameters: where we are, and what is named there. */
export function at<T extends object = object>(named?: T): typeof PLACE & T {
  return { ...PLACE, ...(named as T) };
}

/** What the API, the gateway or a flow said when it refused. hint: the next step, "" when there is none. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = "",
    readonly target = "",
    readonly requestId = "",
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** No answer came: the server or the gateway is away, and will be asked again. */
export class AwayError extends Error {
  override name = "AwayError";
}

type Judge = (method: string, path: string) => ApiError | null;
let judge: Judge = () => null;

/** From now on requests for which it has a refusal are not sent. */
export function judgeBy(by: Judge): void {
  judge = by;
}

const AWAY = new Set([502, 503, 504]);

/** `fetch` with the session's proof. Throws AwayError when nobody answers or is signed in; other answers are the caller's. */
export async function send(input: string | Request, init: RequestInit = {}): Promise<Response> {
  if (isOut()) throw new AwayError("Nobody is signed in.");
  const request = new Request(input, { cache: "no-store", ...init });
  const refusal = judge(request.method, decodeURI(new URL(request.url).pathname));
  if (refusal) return answerOf(refusal);
  const proven = proof();
  request.headers.set("X-CSRF-Token", proven);
  let answer: Response;
  try {
    answer = await fetch(request);
  } catch (failure) {
    if (request.signal.aborted) throw failure;
    throw new AwayError("The server does not answer.");
  }
  // Not of a session before the one that has begun in another tab meanwhile.
  if (answer.status === 401 && proven === proof()) sessionEnded();
  if (AWAY.has(answer.status) && !answer.headers.get("x-ms-request-id")) {
    throw new AwayError("The server does not answer.");
  }
  return answer;
}

function answerOf({ status, code, message, hint }: ApiError): Response {
  return Response.json({ error: { code, message: `${message}\n${hint}` } }, { status });
}

/** What an answer that is no success says of itself. */
export async function errorOf(answer: Response): Promise<ApiError> {
  const requestId = answer.headers.get("x-ms-request-id") ?? "";
  const text = await answer.text();
  try {
    return errorFrom(JSON.parse(text), answer.status, requestId);
  } catch {
    return new ApiError(
      answer.status,
      "",
      text.slice(0, 500) || `The server answered ${answer.status}.`,
      "",
      "",
      requestId,
    );
  }
}

/** Without what the server says to who writes requests: a person here fills in forms. */
export function forPeople(text: string): string {
  return text.replace(/\n?Correct the request and send it again\.$/m, "");
}

type ErrorBody = { error?: { code?: string; message?: string; target?: string } };

export function errorFrom(body: unknown, status: number, requestId = ""): ApiError {
  const said = (body as ErrorBody | null)?.error;
  const [text, ...hints] = forPeople(said?.message ?? `The server answered ${status}.`).split("\n");
  return new ApiError(status, said?.code ?? "", text ?? "", hints.join(" "), said?.target ?? "", requestId);
}

export const api = createClient<paths>({
  querySerializer: (query) => new URLSearchParams({ "api-version": API_VERSION, ...flat(query) }).toString(),
  fetch: (request) => send(request),
});

function flat(query: unknown): Record<string, string> {
  const given = Object.entries((query ?? {}) as Record<string, unknown>).filter(([, value]) => value != null);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

type Answered<T> = { data?: T; error?: unknown; response: Response };

/** The body of a success. Throws ApiError. */
export async function body<T>(answered: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await answered;
  if (!response.ok) throw errorFrom(error, response.status, response.headers.get("x-ms-request-id") ?? "");
  return data as T;
}

/** The URL of a resource: path below the workspace, or a whole id. */
export function urlOf(path: string, query: Record<string, string> = {}): string {
  const whole = path.startsWith("/subscriptions/") || path.startsWith("/providers/") ? path : WORKSPACE_ID + path;
  return `${whole}?${new URLSearchParams({ "api-version": API_VERSION, ...query })}`;
}

type Page<T> = { value: T[]; nextLink?: string | null };

/** All items of a list, page after page. */
export async function all<T>(path: string, query: Record<string, string> = {}): Promise<T[]> {
  const found: T[] = [];
  let next: string | null = urlOf(path, query);
  while (next) {
    const answer = await send(next);
    if (!answer.ok) throw await errorOf(answer);
    const page = (await answer.json()) as Page<T>;
    found.push(...page.value);
    // Of the address only what lies behind the host: the door may go by another name for us.
    next = page.nextLink ? page.nextLink.replace(/^https?:\/\/[^/]+/, "") : null;
  }
  return found;
}
