/** A test run as its events tell it. */

import type { ServerEvent } from "../../../api/events";

export type NodeState = "Running" | "Completed" | "Failed" | "Bypassed" | "NotRun";
export type Tokens = { prompt?: number; completion?: number; total?: number };
export type NodeRun = {
  name: string;
  state: NodeState;
  inputs?: unknown;
  output?: unknown;
  durationMs?: number;
  tokens?: Tokens;
  logs: string;
  error: string;
};
export type RunError = { code: string; message: string };
/** phase: what it waits for before it runs, "" once it does. logs: what was printed outside of any node. */
export type TestRun = {
  state: "Preparing" | "Running" | "Completed" | "Failed" | "Stopped";
  phase: string;
  nodes: readonly NodeRun[];
  logs: string;
  outputs: Record<string, unknown> | null;
  durationMs?: number;
  tokens?: Tokens;
  error: RunError | null;
};

export const BEGUN: TestRun = { state: "Preparing", phase: "", nodes: [], logs: "", outputs: null, error: null };
const PHASES: Record<string, string> = {
  BuildingEnvironment: "Building the environment",
  StartingInstance: "Starting an instance",
};

// biome-ignore lint/suspicious/noExplicitAny: what comes is looked at field by field
type Told = Record<string, any>;

export function after(run: TestRun, { type, data }: ServerEvent): TestRun {
  const told = (data ?? {}) as Told;
  switch (type) {
    case "preparing":
      return { ...run, phase: PHASES[told.phase] ?? String(told.phase) };
    case "ready":
      return { ...run, state: "Running", phase: "" };
    case "nodeStarted":
      return withNode(run, told.node, { state: "Running", inputs: told.inputs });
    case "log":
      return logged(run, told);
    case "nodeFinished":
      return withNode(run, told.node, finished(told));
    case "outputs":
      return { ...run, state: "Completed", phase: "", outputs: told.outputs, ...measures(told) };
    case "error":
      return failed(run, told.error ?? {});
    default:
      return run;
  }
}

/** It ended without a last word: whoever ran it has left, or the server is gone. */
export function ended(run: TestRun, message: string): TestRun {
  if (run.state !== "Preparing" && run.state !== "Running") return run;
  if (message) return failed(run, { code: "", message });
  return { ...run, state: "Stopped", phase: "", nodes: run.nodes.map(stopped) };
}

function failed(run: TestRun, { code = "", message = "" }: Partial<RunError>): TestRun {
  return { ...run, state: "Failed", phase: "", error: { code, message }, nodes: run.nodes.map(stopped) };
}

function stopped(node: NodeRun): NodeRun {
  return node.state === "Running" ? { ...node, state: "NotRun" } : node;
}

function withNode(run: TestRun, name: string, change: Partial<NodeRun>): TestRun {
  const before = run.nodes.find((node) => node.name === name);
  const next: NodeRun = { ...(before ?? { name, state: "Running", logs: "", error: "" }), ...change };
  const nodes = before ? run.nodes.map((node) => (node === before ? next : node)) : [...run.nodes, next];
  return { ...run, nodes };
}

function logged(run: TestRun, told: Told): TestRun {
  const node = run.nodes.find(({ name }) => name === told.node);
  return node
    ? withNode(run, node.name, { logs: `${node.logs}${told.text}\n` })
    : { ...run, logs: `${run.logs}${told.text}\n` };
}

function finished(told: Told): Partial<NodeRun> {
  const change: Partial<NodeRun> = { state: told.status, ...measures(told) };
  if ("inputs" in told) change.inputs = told.inputs;
  if ("output" in told) change.output = told.output;
  if (told.logs) change.logs = told.logs;
  if (told.error) change.error = String(told.error);
  return change;
}

/** Numbers that are counted with, however they were written. */
function measures({ durationMs, tokens }: Told): { durationMs?: number; tokens?: Tokens } {
  return {
    ...(durationMs != null && { durationMs: Number(durationMs) }),
    ...(tokens && {
      tokens: Object.fromEntries(Object.entries(tokens).map(([name, count]) => [name, Number(count)])) as Tokens,
    }),
  };
}

/** 3.2 ms, 1.24 s */
export function durationText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
