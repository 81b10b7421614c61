import "@xyflow/react/dist/base.css";
import { Graph, layout } from "@dagrejs/dagre";
import { makeStyles, mergeClasses, Text, tokens } from "@fluentui/react-components";
import {
  ArrowSyncRegular,
  CheckmarkCircleRegular,
  DismissCircleRegular,
  SubtractCircleRegular,
} from "@fluentui/react-icons";
import {
  Background,
  Controls,
  type Edge,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  type ReactFlowInstance,
} from "@xyflow/react";
import { useEffect, useMemo, useRef } from "react";
import type { GraphNode } from "./graph";
import { durationText, type NodeRun, type NodeState } from "./testRun";

const [WIDTH, HEIGHT] = [180, 52];

const useStyles = makeStyles({
  graph: {
    height: "100%",
    "& .react-flow__controls": { boxShadow: "none", margin: tokens.spacingHorizontalS },
    "& .react-flow__controls-button": {
      border: "none",
      borderRadius: tokens.borderRadiusSmall,
      color: tokens.colorNeutralForeground1,
      backgroundColor: tokens.colorNeutralBackground1,
      ":hover": { backgroundColor: tokens.colorNeutralBackground1Hover },
    },
    "--xy-edge-stroke": tokens.colorNeutralStrokeAccessible,
    "--xy-background-pattern-color": tokens.colorNeutralStroke2,
  },
  node: {
    display: "grid",
    gridTemplateColumns: "1fr auto",
    alignItems: "center",
    columnGap: tokens.spacingHorizontalXS,
    width: `${WIDTH}px`,
    height: `${HEIGHT}px`,
    boxSizing: "border-box",
    padding: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalS}`,
    textAlign: "start",
    font: "inherit",
    cursor: "pointer",
    // Of nodes that can be neither dragged nor selected the library takes no notice.
    pointerEvents: "all",
    color: tokens.colorNeutralForeground1,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStroke1}`,
    borderRadius: tokens.borderRadiusMedium,
    boxShadow: tokens.shadow2,
    ":hover": { backgroundColor: tokens.colorNeutralBackground1Hover },
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: "1px" },
  },
  ends: { backgroundColor: tokens.colorNeutralBackground3, borderRadius: tokens.borderRadiusXLarge },
  selected: { border: `2px solid ${tokens.colorBrandStroke1}`, boxShadow: tokens.shadow8 },
  Running: { borderLeft: `4px solid ${tokens.colorPaletteBlueBorderActive}` },
  Completed: { borderLeft: `4px solid ${tokens.colorPaletteGreenBorderActive}` },
  Failed: { borderLeft: `4px solid ${tokens.colorPaletteRedBorderActive}` },
  Bypassed: { opacity: 0.75 },
  NotRun: { opacity: 0.75 },
  words: { display: "grid", minWidth: 0 },
  line: { overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
  about: { color: tokens.colorNeutralForeground2 },
  handle: { visibility: "hidden" },
});

const STATES: Record<NodeState, React.ReactNode> = {
  Running: <ArrowSyncRegular aria-label="running" />,
  Completed: <CheckmarkCircleRegular color={tokens.colorPaletteGreenForeground1} aria-label="completed" />,
  Failed: <DismissCircleRegular color={tokens.colorPaletteRedForeground1} aria-label="failed" />,
  Bypassed: <SubtractCircleRegular aria-label="bypassed" />,
  NotRun: <SubtractCircleRegular aria-label="not run" />,
};

type Shown = { node: GraphNode; run: NodeRun | undefined; isSelected: boolean; select: () => void };
type ShownNode = Node<Shown, "step">;

type Props = {
  nodes: readonly GraphNode[];
  runs: readonly NodeRun[];
  selected: string;
  select: (node: GraphNode) => void;
};

/** The nodes from top to bottom, in the order in which one needs the other. */
export default function GraphView({ nodes, runs, selected, select }: Props) {
  const styles = useStyles();
  const places = useMemo(() => placed(nodes), [nodes]);
  const shown = nodes.map((node): ShownNode => {
    const run = runs.find(({ name }) => name === node.id);
    const data = { node, run, isSelected: node.id === selected, select: () => select(node) };
    const position = places.get(node.id) ?? { x: 0, y: 0 };
    return { id: node.id, type: "step", position, data, width: WIDTH, height: HEIGHT };
  });
  const edges = nodes.flatMap((node) => node.uses.map((id) => edge(id, node.id)));
  const [place, fitted] = useFitted();
  return (
    <div ref={place} className={styles.graph}>
      <ReactFlow
        // Another shape is shown as a whole again.
        key={nodes.map(({ id }) => id).join(" ")}
        onInit={fitted}
        nodes={shown}
        edges={edges}
        nodeTypes={TYPES}
        fitView
        fitViewOptions={FIT}
        minZoom={0.2}
        // The wheel scrolls the page; with Ctrl it zooms.
        zoomOnScroll={false}
        preventScrolling={false}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        proOptions={{ hideAttribution: true }}
        aria-label="Graph of the flow"
      >
        <Background />
        <Controls showInteractive={false} orientation="horizontal" fitViewOptions={FIT} />
      </ReactFlow>
    </div>
  );
}

const FIT = { maxZoom: 1, padding: 0.08 };

/** A place in which the graph is shown as a whole again when the place gets another size. */
function useFitted() {
  const place = useRef<HTMLDivElement>(null);
  const flow = useRef<ReactFlowInstance<ShownNode, Edge>>(null);
  useEffect(() => {
    if (!place.current) return;
    const observer = new ResizeObserver(() => void flow.current?.fitView(FIT));
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  const begun = (instance: ReactFlowInstance<ShownNode, Edge>) => {
    flow.current = instance;
  };
  return [place, begun] as const;
}

function Step({ data: { node, run, isSelected, select } }: NodeProps<ShownNode>) {
  const styles = useStyles();
  const about = [
    node.type,
    node.aggregation && "aggregation",
    run?.durationMs !== undefined && durationText(run.durationMs),
    run?.tokens?.total && `${run.tokens.total} tokens`,
  ].filter(Boolean);
  return (
    <>
      <Handle type="target" position={Position.Top} className={styles.handle} isConnectable={false} />
      <button
        type="button"
        className={mergeClasses(
          "nodrag nopan",
          styles.node,
          node.kind !== "node" && styles.ends,
          run && styles[run.state],
          isSelected && styles.selected,
        )}
        aria-pressed={isSelected}
        onClick={select}
      >
        <span className={styles.words}>
          <Text weight="semibold" className={styles.line} title={node.label}>
            {node.label}
          </Text>
          <Text size={200} className={mergeClasses(styles.line, styles.about)}>
            {about.join(" · ")}
          </Text>
        </span>
        {run && STATES[run.state]}
      </button>
      <Handle type="source" position={Position.Bottom} className={styles.handle} isConnectable={false} />
    </>
  );
}

const TYPES = { step: Step };

function edge(source: string, target: string): Edge {
  return { id: `${source} ${target}`, source, target, markerEnd: { type: MarkerType.ArrowClosed } };
}

function placed(nodes: readonly GraphNode[]): Map<string, { x: number; y: number }> {
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 40 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of nodes) graph.setNode(id, { width: WIDTH, height: HEIGHT });
  for (const node of nodes) for (const id of node.uses) graph.setEdge(id, node.id);
  layout(graph);
  return new Map(
    nodes.map(({ id }) => {
      const { x, y } = graph.node(id) as { x: number; y: number };
      return [id, { x: x - WIDTH / 2, y: y - HEIGHT / 2 }];
    }),
  );
}
