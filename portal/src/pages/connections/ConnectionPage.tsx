import { Page } from "../../components/Page";

export default function ConnectionPage() {
  return <Page title="Connection">{null}</Page>;
}
