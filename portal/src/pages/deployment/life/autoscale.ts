/** Autoscale settings of Azure Monitor, which drive a deployment by rules: in words, and the simple ones as a form has
 * them. Pure. */

import { GROUP_ID } from "../../../api/client";
import { MOST_INSTANCES, plural } from "../../deploy/quota";
import { spokenDuration } from "../../endpoints/words";

export type Rule = {
  metricTrigger: {
    metricName: string;
    metricResourceUri: string;
    timeGrain: string;
    statistic: string;
    timeWindow: string;
    timeAggregation: string;
    operator: string;
    threshold: number;
    dividePerInstance: boolean;
  };
  scaleAction: { direction: string; type: string; value: string; cooldown: string };
};
/** Numbers of instances are texts, as Azure has them. */
export type Profile = {
  name: string;
  capacity: { minimum: string; maximum: string; default: string };
  rules: readonly Rule[];
  fixedDate?: { timeZone: string; start: string; end: string };
  recurrence?: { schedule: { timeZone: string; days: string[]; hours: number[]; minutes: number[] } };
};
export type AutoscaleSetting = {
  id: string;
  name: string;
  properties: {
    enabled: boolean;
    targetResourceUri: string;
    profiles: readonly Profile[];
    activeProfile: string | null;
  };
};

export const SETTINGS = `${GROUP_ID}/providers/Microsoft.Insights/autoscaleSettings`;

/** What rules look at, of the deployment itself. */
export const METRICS: readonly { id: string; label: string; unit: string }[] = [
  { id: "CpuUtilizationPercentage", label: "CPU", unit: "%" },
  { id: "CpuMemoryUtilizationPercentage", label: "Memory", unit: "%" },
  { id: "DiskUtilization", label: "Disk", unit: "%" },
  { id: "RequestsPerMinute", label: "Requests per minute", unit: "" },
  { id: "RequestLatency", label: "Latency", unit: "ms" },
  { id: "RequestLatency_P90", label: "Latency, 90th percentile", unit: "ms" },
  { id: "RequestLatency_P99", label: "Latency, 99th percentile", unit: "ms" },
];

/** The one that drives it; a deployment has one at most. deployment: its ARM id. */
export function settingOf(deployment: string, settings: readonly AutoscaleSetting[]): AutoscaleSetting | undefined {
  const wanted = deployment.toLowerCase();
  return settings.find(({ properties }) => properties.targetResourceUri.toLowerCase() === wanted);
}

/** `1 to 5 instances, 2 when nothing is measured`. */
export function spokenBounds({ capacity }: Profile): string {
  return `${capacity.minimum} to ${plural(Number(capacity.maximum), "instance")}, ${capacity.default} when nothing is measured`;
}

const SIGNS: Record<string, string> = {
  Equals: "=",
  NotEquals: "≠",
  GreaterThan: ">",
  GreaterThanOrEqual: "≥",
  LessThan: "<",
  LessThanOrEqual: "≤",
};
const AGGREGATIONS: Record<string, string> = {
  Average: "on average over",
  Minimum: "at the least over",
  Maximum: "at the most over",
  Total: "together over",
  Last: "at the end of",
};

/** `CPU > 70 % on average over 5 min: 1 instance more, then 5 min of rest`. deployment: whose rule it is, its ARM id. */
export function spokenRule({ metricTrigger: trigger, scaleAction: action }: Rule, deployment: string): string {
  const metric = METRICS.find(({ id }) => id === trigger.metricName) ?? { label: trigger.metricName, unit: "" };
  const of = trigger.metricResourceUri.toLowerCase() === deployment.toLowerCase() ? "" : " of the endpoint";
  const each = trigger.dividePerInstance ? " for each instance" : "";
  const when = `${AGGREGATIONS[trigger.timeAggregation] ?? `(${trigger.timeAggregation}) over`} ${spokenDuration(trigger.timeWindow)}`;
  const limit = [SIGNS[trigger.operator] ?? trigger.operator, trigger.threshold, metric.unit].filter((e) => e !== "");
  return `${metric.label}${of}${each} ${limit.join(" ")} ${when}: ${spokenAction(action)}, then ${spokenDuration(action.cooldown)} of rest`;
}

function spokenAction({ direction, type, value }: Rule["scaleAction"]): string {
  if (direction === "None") return "no change";
  const way = direction === "Increase" ? "more" : "fewer";
  if (type === "ExactCount") return `${plural(Number(value), "instance")}, if that is ${way}`;
  if (type === "PercentChangeCount") return `${value} % ${way}`;
  return `${plural(Number(value), "instance")} ${way}`;
}

/** When a profile counts, "" for always. */
export function spokenTime({ fixedDate, recurrence }: Profile): string {
  if (fixedDate) return `from ${fixedDate.start} to ${fixedDate.end}, ${fixedDate.timeZone}`;
  if (!recurrence) return "";
  const { days, hours, minutes, timeZone } = recurrence.schedule;
  const two = (number: number) => String(number).padStart(2, "0");
  const times = (hours.length ? hours : [0]).flatMap((hour) =>
    (minutes.length ? minutes : [0]).map((minute) => `${two(hour)}:${two(minute)}`),
  );
  return `from ${days.join(", ")} at ${times.join(", ")} on, ${timeZone}`;
}

/** A rule as it is entered, numbers as they are typed. */
export type RuleForm = {
  on: boolean;
  metric: string;
  threshold: string;
  windowMinutes: string;
  by: string;
  cooldownMinutes: string;
};
export type AutoscaleForm = { minimum: string; maximum: string; initial: string; out: RuleForm; in: RuleForm };

const FIRST: AutoscaleForm = {
  minimum: "1",
  maximum: "3",
  initial: "1",
  out: {
    on: true,
    metric: "CpuUtilizationPercentage",
    threshold: "70",
    windowMinutes: "5",
    by: "1",
    cooldownMinutes: "5",
  },
  in: {
    on: true,
    metric: "CpuUtilizationPercentage",
    threshold: "30",
    windowMinutes: "10",
    by: "1",
    cooldownMinutes: "10",
  },
};
const OPERATORS = { out: "GreaterThan", in: "LessThan" } as const;
const DIRECTIONS = { out: "Increase", in: "Decrease" } as const;

/** As a form for one that is there, or for a new one; null where it says more than the form can. */
export function formOf(setting: AutoscaleSetting | undefined): AutoscaleForm | null {
  if (!setting) return FIRST;
  const [profile, ...others] = setting.properties.profiles;
  if (!profile || others.length > 0 || profile.fixedDate || profile.recurrence || profile.rules.length > 2) return null;
  const [out, into] = (["out", "in"] as const).map((way) => ruleForm(profile.rules, way, setting));
  const known = [out, into].filter((each) => each?.on).length;
  if (!out || !into || known < profile.rules.length) return null;
  const { minimum, maximum, default: initial } = profile.capacity;
  return { minimum, maximum, initial, out, in: into };
}

function ruleForm(rules: readonly Rule[], way: "out" | "in", setting: AutoscaleSetting): RuleForm {
  const rule = rules.find((each) => isSimple(each, way, setting.properties.targetResourceUri));
  if (!rule) return { ...FIRST[way], on: false };
  return {
    on: true,
    metric: rule.metricTrigger.metricName,
    threshold: String(rule.metricTrigger.threshold),
    windowMinutes: String(minutesOf(rule.metricTrigger.timeWindow)),
    by: rule.scaleAction.value,
    cooldownMinutes: String(minutesOf(rule.scaleAction.cooldown)),
  };
}

function isSimple({ metricTrigger: trigger, scaleAction: action }: Rule, way: "out" | "in", target: string): boolean {
  return (
    action.direction === DIRECTIONS[way] &&
    action.type === "ChangeCount" &&
    trigger.operator === OPERATORS[way] &&
    trigger.timeGrain === "PT1M" &&
    trigger.statistic === "Average" &&
    trigger.timeAggregation === "Average" &&
    !trigger.dividePerInstance &&
    trigger.metricResourceUri.toLowerCase() === target.toLowerCase() &&
    METRICS.some(({ id }) => id === trigger.metricName) &&
    [trigger.timeWindow, action.cooldown].every((time) => Number.isInteger(minutesOf(time)))
  );
}

/** The profiles as they are sent. target: ARM id of the deployment; name: of the profile that is there. */
export function profilesOf(form: AutoscaleForm, target: string, name = "Default"): Profile[] {
  const rules = (["out", "in"] as const)
    .filter((way) => form[way].on)
    .map((way) => ({
      metricTrigger: {
        metricName: form[way].metric,
        metricResourceUri: target,
        timeGrain: "PT1M",
        statistic: "Average",
        timeWindow: `PT${Number(form[way].windowMinutes)}M`,
        timeAggregation: "Average",
        operator: OPERATORS[way],
        threshold: Number(form[way].threshold),
        dividePerInstance: false,
      },
      scaleAction: {
        direction: DIRECTIONS[way],
        type: "ChangeCount",
        value: String(Number(form[way].by)),
        cooldown: `PT${Number(form[way].cooldownMinutes)}M`,
      },
    }));
  const [minimum, maximum, initial] = [form.minimum, form.maximum, form.initial].map((each) => String(Number(each)));
  return [{ name, capacity: { minimum: minimum ?? "", maximum: maximum ?? "", default: initial ?? "" }, rules }];
}

export type RuleField = Exclude<keyof RuleForm, "on" | "metric">;
/** Least and most of what a rule asks. */
const RULE_BOUNDS: readonly [RuleField, number, number][] = [
  ["windowMinutes", 5, 720],
  ["by", 1, MOST_INSTANCES],
  ["cooldownMinutes", 1, 10_080],
];

/** What is wrong, by `minimum`, `out.threshold` and so on; {} when nothing is. */
export function problemsOf(form: AutoscaleForm): Record<string, string> {
  const problems: Record<string, string> = {};
  const whole = (text: string, least: number, most: number) =>
    /^\d+$/.test(text.trim()) && Number(text) >= least && Number(text) <= most
      ? ""
      : `Enter a whole number from ${least} to ${most.toLocaleString("en")}.`;
  const note = (field: string, problem: string) => {
    if (problem) problems[field] = problem;
  };
  for (const field of ["minimum", "maximum", "initial"] as const) note(field, whole(form[field], 1, MOST_INSTANCES));
  if (Object.keys(problems).length === 0) {
    if (Number(form.maximum) < Number(form.minimum)) note("maximum", "Enter no less than the minimum.");
    else note("initial", whole(form.initial, Number(form.minimum), Number(form.maximum)));
  }
  for (const way of ["out", "in"] as const) {
    const rule = form[way];
    if (!rule.on) continue;
    if (!/^\d+(\.\d+)?$/.test(rule.threshold.trim())) note(`${way}.threshold`, "Enter a number.");
    for (const [field, least, most] of RULE_BOUNDS) note(`${way}.${field}`, whole(rule[field], least, most));
  }
  const isSame = form.out.on && form.in.on && form.out.metric === form.in.metric;
  if (
    isSame &&
    !problems["out.threshold"] &&
    !problems["in.threshold"] &&
    Number(form.in.threshold) >= Number(form.out.threshold)
  ) {
    note("in.threshold", "Enter less than the threshold above which there are more.");
  }
  return problems;
}

function minutesOf(duration: string): number {
  const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(duration);
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = (found?.slice(1) ?? []).map((each) => Number(each ?? 0));
  return found ? days * 1440 + hours * 60 + minutes + seconds / 60 : Number.NaN;
}
