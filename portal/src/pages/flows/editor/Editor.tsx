import { makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { ApiError } from "../../../api/client";
import { Page } from "../../../components/Page";
import { Empty, Failure } from "../../../components/states";
import type { Pairs } from "../../../components/TagsEditor";
import { useToasts } from "../../../components/toasts";
import { type Flow, useContent, useExamined } from "../api";
import { ConflictDialog } from "./ConflictDialog";
import { EditorActions } from "./EditorActions";
import { FilePane } from "./FilePane";
import { FileTree } from "./FileTree";
import { GraphPane } from "./GraphPane";
import { definitionOf, type FlowGraph, type GraphNode, graphOf, nodeAt } from "./graph";
import { LeaveDialog } from "./LeaveDialog";
import { Panels } from "./Panels";
import { RawYaml } from "./RawYaml";
import { RegionTabs } from "./RegionTabs";
import { type PanelId, type RegionId, useIsNarrow } from "./regions";
import { TestPanel } from "./TestPanel";
import { useOpenFile } from "./useOpenFile";
import { useTestRun } from "./useTestRun";
import { useWorkingCopy, type WorkingCopy } from "./useWorkingCopy";

const useStyles = makeStyles({
  work: {
    display: "grid",
    gap: tokens.spacingHorizontalM,
    gridTemplateColumns: "11rem minmax(0, 1fr) minmax(18rem, 40%)",
    height: "max(30rem, calc(100vh - 19rem))",
    minWidth: 0,
  },
  testing: { height: "max(42rem, calc(100vh - 12rem))" },
  raw: { gridTemplateColumns: "minmax(0, 1fr)" },
  right: { display: "grid", gap: tokens.spacingVerticalM, minHeight: 0, minWidth: 0 },
  split: { gridTemplateRows: "minmax(0, 2fr) minmax(27rem, 3fr)" },
  narrow: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0 },
  region: { display: "grid", height: "max(26rem, calc(100vh - 20rem))", minWidth: 0 },
  away: { display: "none" },
  files: { maxHeight: "12rem" },
  code: { height: "max(24rem, calc(100vh - 26rem))", display: "grid" },
});

/** A flow that is there, with its files: graph, code, what is known of it, and a place to try it out. */
export function Editor({ flow, failure }: { flow: Flow; failure: unknown }) {
  const name = flow.name;
  const toasts = useToasts();
  const copy = useWorkingCopy(name);
  const files = copy.files.data ?? [];
  const definition = definitionOf(files);
  const opened = useOpenFile(files, definition);
  const graph = useGraph(copy, definition);
  const examined = useExamined(name);
  const problems = examined.data?.problems ?? [];
  const isNarrow = useIsNarrow();
  const [region, setRegion] = useState<RegionId>("graph");
  const [panel, setPanel] = useState<PanelId>("problems");
  const [node, setNode] = useState("");
  const [testing, setTesting] = useState(false);
  const [raw, setRaw] = useState(false);
  const [variables, setVariables] = useState<Pairs>({});

  const save = async (): Promise<boolean> => {
    try {
      return await copy.save();
    } catch (failure) {
      toasts.failed("Not saved.", failure);
      return false;
    }
  };
  const { run, send } = useTestRun(name, variables, save);
  const go = (file: string, line: number) => {
    opened.open(file, line);
    if (file !== definition) setRaw(false);
    setRegion("code");
  };
  const selectNode = (id: string) => {
    setNode(id);
    const found = graph.nodes.find((each) => each.id === id);
    if (found) go(found.file && files.some(({ path }) => path === found.file) ? found.file : definition, lineOf(found));
  };
  const followCursor = (line: number) => setNode(nodeAt(graph, definition, opened.file, line)?.id ?? "");
  const validate = async () => {
    if (!(await save())) return;
    setPanel("problems");
    setRegion("details");
    const { data } = await examined.refetch();
    if (data?.valid) toasts.done("The flow is valid.");
  };
  const test = () => {
    setTesting(isNarrow || !testing);
    setPanel("run");
    setRegion("test");
  };
  const lineOf = (found: GraphNode) => (found.file ? 1 : found.from);

  const file = files.find(({ path }) => path === (raw ? definition : opened.file));
  const pane = file && {
    copy,
    file,
    problems,
    place: opened.place,
    save: () => void save(),
    onLine: followCursor,
  };
  const code = pane ? (
    raw ? (
      <RawYaml key={pane.file.path} {...pane} />
    ) : (
      <FilePane key={pane.file.path} {...pane} />
    )
  ) : (
    <Empty title="No file is open">Choose one of the flow's files, or add one.</Empty>
  );
  const parts = {
    tree: <FileTree copy={copy} files={files} problems={problems} shown={opened.file} open={opened.open} />,
    code,
    graph: (
      <GraphPane graph={graph} runs={run?.nodes ?? []} selected={node} select={({ id }: GraphNode) => selectNode(id)} />
    ),
    test: <TestPanel flow={name} run={run} send={send} variables={variables} setVariables={setVariables} />,
    details: (
      <Panels
        flow={name}
        problems={problems}
        run={run}
        panel={panel}
        setPanel={setPanel}
        node={node}
        selectNode={setNode}
        go={go}
      />
    ),
  };
  return (
    <Page
      title={name}
      lead={flow.properties.description}
      actions={
        <EditorActions
          flow={flow}
          copy={copy}
          isChat={Boolean(examined.data?.flow?.chat)}
          raw={raw}
          setRaw={definition ? setRaw : undefined}
          save={() => void save()}
          validate={() => void validate()}
          testing={testing && !isNarrow}
          test={test}
        />
      }
    >
      {failure instanceof ApiError && (
        <Failure failure={failure} title="The flow cannot be read any more. What you have written is still here." />
      )}
      {isNarrow ? (
        <Narrow parts={parts} region={region} setRegion={setRegion} />
      ) : (
        <Wide parts={parts} raw={raw} testing={testing} />
      )}
      {copy.conflict && (
        <ConflictDialog key={`${copy.conflict.path} ${copy.conflict.etag}`} conflict={copy.conflict} copy={copy} />
      )}
      <LeaveDialog copy={copy} save={save} />
    </Page>
  );
}

type Parts = Record<"tree" | "code" | "graph" | "test" | "details", React.ReactNode>;

function Wide({ parts, raw, testing }: { parts: Parts; raw: boolean; testing: boolean }) {
  const styles = useStyles();
  if (raw) {
    return (
      <>
        <div className={mergeClasses(styles.work, styles.raw)}>{parts.code}</div>
        {testing && parts.test}
        {parts.details}
      </>
    );
  }
  return (
    <>
      <div className={mergeClasses(styles.work, testing && styles.testing)}>
        {parts.tree}
        {parts.code}
        <div className={mergeClasses(styles.right, testing && styles.split)}>
          {parts.graph}
          {testing && parts.test}
        </div>
      </div>
      {parts.details}
    </>
  );
}

type NarrowProps = { parts: Parts; region: RegionId; setRegion: (region: RegionId) => void };

/** One region at a time. The test stays while another is looked at: its conversation goes on. */
function Narrow({ parts, region, setRegion }: NarrowProps) {
  const styles = useStyles();
  return (
    <div className={styles.narrow}>
      <RegionTabs region={region} setRegion={setRegion} />
      {region === "graph" && <div className={styles.region}>{parts.graph}</div>}
      {region === "code" && (
        <>
          <div className={styles.files}>{parts.tree}</div>
          <div className={styles.code}>{parts.code}</div>
        </>
      )}
      <div className={mergeClasses(styles.region, region !== "test" && styles.away)}>{parts.test}</div>
      {region === "details" && parts.details}
    </div>
  );
}

function useGraph(copy: WorkingCopy, definition: string): FlowGraph {
  const content = useContent(copy.flow, definition);
  const text = copy.drafts[definition]?.text ?? content.data?.text ?? "";
  return definition ? graphOf(definition, text) : { nodes: [], problem: "" };
}
