/** The limits of a deployment's requests, in the order in which they are asked and shown. Pure. */

import type { RequestSettings } from "../../api/endpoints";
import { plural } from "./quota";

/** Numbers as they are typed. */
export type Limits = {
  timeoutSeconds: string;
  concurrency: string;
  queueLength: string;
  queueMilliseconds: string;
  requestsPerSecond: string;
};

export type Limit = {
  key: keyof Limits;
  /** Also the id of its element on a page. */
  id: string;
  label: string;
  /** What the number counts, as in its label and in what is said when it is wrong; "" where the label says it. */
  unit: string;
  hint: string;
  least: number;
  most: number;
  /** It need not be a whole number. */
  isFractional?: boolean;
  /** It may be left empty. */
  isOptional?: boolean;
  /** What is said of the number. */
  spoken: (value: string) => string;
};

export const LIMITS: readonly Limit[] = [
  {
    key: "timeoutSeconds",
    id: "field-timeout",
    label: "Request time-out",
    unit: "seconds",
    hint: "An answer that has not begun by then is given up with 408.",
    least: 0.001,
    most: 300,
    isFractional: true,
    spoken: (value) => spokenSeconds(Number(value)),
  },
  {
    key: "concurrency",
    id: "field-concurrency",
    label: "Concurrent requests per instance",
    unit: "",
    hint: "So many run side by side in one instance.",
    least: 1,
    most: 1000,
    spoken: (value) => value,
  },
  {
    key: "queueLength",
    id: "field-queue-length",
    label: "Queue length per instance",
    unit: "",
    hint: "So many more may wait for a place, empty: as many as run at once. One on top of them is answered 429.",
    least: 0,
    most: 1000,
    isOptional: true,
    spoken: spokenQueue,
  },
  {
    key: "queueMilliseconds",
    id: "field-queue",
    label: "Longest wait in the queue",
    unit: "milliseconds",
    hint: "A request that finds no free place by then is answered 429.",
    least: 0,
    most: 300_000,
    spoken: (value) => spokenMilliseconds(Number(value)),
  },
  {
    key: "requestsPerSecond",
    id: "field-rate",
    label: "Requests per second",
    unit: "",
    hint: "Of the whole deployment; what comes on top of them is answered 429. 0: any number.",
    least: 0,
    most: 1_000_000,
    spoken: (value) => (Number(value) === 0 ? "Any number" : Number(value).toLocaleString("en")),
  },
];

/** The server's own, which are sent as nothing by who chooses none. */
export const DEFAULT_LIMITS: Limits = {
  timeoutSeconds: "90",
  concurrency: "10",
  queueLength: "",
  queueMilliseconds: "500",
  requestsPerSecond: "0",
};

/** As the fields have them. */
export function limitsOf(settings: RequestSettings): Limits {
  return {
    timeoutSeconds: String(secondsOf(settings.requestTimeout)),
    concurrency: String(settings.maxConcurrentRequestsPerInstance),
    queueLength: String(settings.queueLength ?? ""),
    queueMilliseconds: String(Math.round(secondsOf(settings.maxQueueWait) * 1000)),
    requestsPerSecond: String(settings.requestsPerSecond),
  };
}

/** As they are sent. */
export function settingsOf(limits: Limits): RequestSettings {
  return {
    requestTimeout: `PT${Number(limits.timeoutSeconds)}S`,
    maxConcurrentRequestsPerInstance: Number(limits.concurrency),
    maxQueueWait: `PT${Number(limits.queueMilliseconds) / 1000}S`,
    queueLength: numberOf(limits.queueLength),
    requestsPerSecond: Number(limits.requestsPerSecond),
  };
}

export function isDefault(limits: Limits): boolean {
  return LIMITS.every(({ key }) => numberOf(limits[key]) === numberOf(DEFAULT_LIMITS[key]));
}

/** What is wrong with the number, "" when nothing is. */
export function limitProblem(limit: Limit, text: string): string {
  const { least, most, unit, isFractional = false, isOptional = false } = limit;
  if (isOptional && numberOf(text) === null) return "";
  const number = Number(text);
  const isNumber = (isFractional ? /^\d+(?:\.\d{1,3})?$/ : /^\d+$/).test(text.trim());
  if (isNumber && number >= least && number <= most) return "";
  const kind = isFractional ? "number" : "whole number";
  return `Enter a ${kind} from ${least} to ${most.toLocaleString("en")}${unit && ` ${unit}`}.`;
}

/** `Request time-out (seconds)`. */
export function labelOf({ label, unit }: Limit): string {
  return unit ? `${label} (${unit})` : label;
}

/** null for a field that is empty. */
function numberOf(text: string): number | null {
  return text.trim() ? Number(text) : null;
}

function spokenQueue(value: string): string {
  const length = numberOf(value);
  if (length === null) return "As many as run at once";
  return length === 0 ? "None waits" : plural(length, "request");
}

function spokenSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const rest = Number((seconds % 60).toFixed(3));
  return `${Math.floor(seconds / 60)} min${rest ? ` ${rest} s` : ""}`;
}

function spokenMilliseconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : spokenSeconds(ms / 1000);
}

/** Of an ISO 8601 duration as the API has them; 0 for none. */
function secondsOf(duration: string): number {
  const found = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(duration);
  const [hours = 0, minutes = 0, seconds = 0] = (found?.slice(1) ?? []).map((each) => Number(each ?? 0));
  return hours * 3600 + minutes * 60 + seconds;
}
