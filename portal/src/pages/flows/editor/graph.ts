/** The graph of a flow, read from the text of its definition as it stands in the editor, half-written too. */

import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from "yaml";

/** from, to: its lines in the definition. file: its source, "" for none. uses: the ids that lead to it. */
export type GraphNode = {
  id: string;
  kind: "inputs" | "node" | "outputs";
  label: string;
  type: string;
  file: string;
  from: number;
  to: number;
  aggregation: boolean;
  uses: string[];
};
export type FlowGraph = { nodes: GraphNode[]; problem: string };

export const INPUTS = "inputs";
/** No node's name, as it holds a space. */
export const OUTPUTS = "flow outputs";
const REFERENCE = /\$\{\s*([A-Za-z_][\w-]*)\s*(?:\.[^}]*)?\}/g;
export const DEFINITIONS = ["flow.dag.yaml", "flow.flex.yaml", "flow.flex.yml"] as const;

/** The file that defines the flow, "" when there is none. */
export function definitionOf(files: readonly { path: string }[]): string {
  const paths = files.map(({ path }) => path);
  return DEFINITIONS.find((name) => paths.includes(name)) ?? paths.find((path) => /^[^/]+\.prompty$/.test(path)) ?? "";
}

export function graphOf(file: string, text: string): FlowGraph {
  if (file.endsWith(".prompty")) return { nodes: [single(file, "prompty", file, text)], problem: "" };
  try {
    return file === "flow.dag.yaml" ? dag(text) : flex(text);
  } catch (failure) {
    return { nodes: [], problem: failure instanceof Error ? failure.message : String(failure) };
  }
}

/** The node whose lines hold this one, or whose source this file is. */
export function nodeAt(graph: FlowGraph, definition: string, file: string, line: number): GraphNode | undefined {
  if (file !== definition) return graph.nodes.find((node) => node.file === file);
  return graph.nodes.find((node) => node.from <= line && line <= node.to);
}

function dag(text: string): FlowGraph {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, logLevel: "silent", stringKeys: true });
  const problem = document.errors[0]?.message.split("\n")[0] ?? "";
  const root = document.contents;
  if (!isMap(root)) return { nodes: [], problem: problem || "It holds no mapping." };
  const lines = (range: Node["range"]) => linesOf(counter, text, range);

  const nodes: GraphNode[] = [];
  for (const kind of [INPUTS, "outputs"] as const) {
    const pair = pairOf(root, kind);
    const part = pair?.value;
    if (!pair || !isMap(part) || part.items.length === 0) continue;
    const names = part.items.map((item) => textOf(item.key)).join(", ");
    const [from] = lines((pair.key as Node).range);
    const [, to] = lines(part.range);
    const id = kind === INPUTS ? INPUTS : OUTPUTS;
    const label = kind === INPUTS ? "Inputs" : "Outputs";
    const uses = kind === INPUTS ? [] : referencesIn(text, part);
    nodes.push({ id, kind, label, type: names, file: "", from, to, aggregation: false, uses });
  }
  const listed = root.get("nodes");
  for (const item of isSeq(listed) ? listed.items : []) {
    if (!isMap(item)) continue;
    const name = textOf(item.get("name", true));
    if (!name) continue;
    const source = item.get("source");
    const path = isMap(source) ? textOf(source.get("path", true)) : "";
    const [from, to] = lines(item.range);
    nodes.push({
      id: name,
      kind: "node",
      label: name,
      type: textOf(item.get("type", true)),
      file: path.replace(/^\.\//, ""),
      from,
      to,
      aggregation: (item.get("aggregation") as unknown) === true,
      uses: referencesIn(text, item),
    });
  }
  return { nodes: known(nodes), problem };
}

function flex(text: string): FlowGraph {
  const document = parseDocument(text, { logLevel: "silent", stringKeys: true });
  const entry = isMap(document.contents) ? textOf(document.contents.get("entry", true)) : "";
  const problem = document.errors[0]?.message.split("\n")[0] ?? "";
  if (!entry) return { nodes: [], problem: problem || "It names no entry." };
  const [module = ""] = entry.split(":");
  const file = module.endsWith(".prompty") ? module : `${module.replaceAll(".", "/")}.py`;
  return { nodes: [single(entry, "flex", file, text)], problem };
}

function single(label: string, type: string, file: string, text: string): GraphNode {
  const to = text.split("\n").length;
  return { id: label, kind: "node", label, type, file, from: 1, to, aggregation: false, uses: [] };
}

/** Without references to what is not there, and without two nodes of one id. */
function known(nodes: readonly GraphNode[]): GraphNode[] {
  const byId = new Map(nodes.toReversed().map((node) => [node.id, node]));
  return nodes
    .filter((node) => byId.get(node.id) === node)
    .map((node) => ({ ...node, uses: node.uses.filter((id) => byId.has(id) && id !== node.id) }));
}

function referencesIn(text: string, part: Node): string[] {
  const [start = 0, , end = 0] = part.range ?? [];
  return [...new Set([...text.slice(start, end).matchAll(REFERENCE)].map((match) => match[1] ?? ""))];
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => textOf(pair.key) === key);
}

function textOf(value: unknown): string {
  const plain = isScalar(value) ? value.value : value;
  return typeof plain === "string" ? plain : "";
}

/** First and last line of a range, without the white space behind it. */
function linesOf(counter: LineCounter, text: string, range: Node["range"]): [number, number] {
  const [start = 0, end = 0] = range ?? [];
  const last = start + text.slice(start, end).trimEnd().length;
  return [counter.linePos(start).line, counter.linePos(Math.max(start, last - 1)).line];
}
