import { Page } from "../../components/Page";

export default function EndpointPage() {
  return <Page title="Endpoint">{null}</Page>;
}
