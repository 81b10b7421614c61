import { makeStyles, Spinner, Text, tokens } from "@fluentui/react-components";
import { Suspense } from "react";
import { lazily } from "../../../components/lazily";
import { Empty } from "../../../components/states";
import type { FlowGraph, GraphNode } from "./graph";
import type { NodeRun } from "./testRun";

const GraphView = lazily(() => import("./GraphView"));

const useStyles = makeStyles({
  pane: {
    position: "relative",
    minHeight: "11rem",
    minWidth: 0,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground2,
    overflow: "hidden",
  },
  fill: { position: "absolute", inset: 0 },
  problem: {
    position: "absolute",
    insetInline: 0,
    top: 0,
    padding: tokens.spacingHorizontalS,
    color: tokens.colorPaletteRedForeground1,
    backgroundColor: tokens.colorNeutralBackground1,
  },
});

type Props = {
  graph: FlowGraph;
  runs: readonly NodeRun[];
  selected: string;
  select: (node: GraphNode) => void;
};

export function GraphPane({ graph, runs, selected, select }: Props) {
  const styles = useStyles();
  return (
    <section className={styles.pane} aria-label="Graph">
      {graph.nodes.length > 0 ? (
        <div className={styles.fill}>
          <Suspense fallback={<Spinner label="Loading the graph" />}>
            <GraphView nodes={graph.nodes} runs={runs} selected={selected} select={select} />
          </Suspense>
        </div>
      ) : (
        <Empty title="No nodes yet">
          {graph.problem || "Write nodes into the flow's definition; they are drawn here."}
        </Empty>
      )}
      {graph.nodes.length > 0 && graph.problem && (
        <Text size={200} className={styles.problem}>
          {graph.problem}
        </Text>
      )}
    </section>
  );
}
