import { Page } from "../../components/Page";

export default function FlowEditor() {
  return <Page title="Flow">{null}</Page>;
}
