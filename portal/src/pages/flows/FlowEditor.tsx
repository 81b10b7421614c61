import { useParams } from "@tanstack/react-router";
import { Page } from "../../components/Page";
import { Loaded } from "../../components/states";
import { useFiles, useFlow } from "./api";
import { Editor } from "./editor/Editor";

export default function FlowEditor() {
  const { flow = "" } = useParams({ strict: false });
  const query = useFlow(flow);
  const files = useFiles(flow);
  // What is being written stays there while the flow is asked for again, or is gone.
  if (query.data && files.data) return <Editor key={flow} flow={query.data} failure={query.error ?? files.error} />;
  return (
    <Page title={flow}>
      <Loaded query={query}>{() => <Loaded query={files}>{() => null}</Loaded>}</Loaded>
    </Page>
  );
}
