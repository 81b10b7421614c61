import { Page } from "../../components/Page";

export default function EndpointList() {
  return <Page title="Models + endpoints">{null}</Page>;
}
