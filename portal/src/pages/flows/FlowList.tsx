import { Page } from "../../components/Page";

export default function FlowList() {
  return <Page title="Flows">{null}</Page>;
}
