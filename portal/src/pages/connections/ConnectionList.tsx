import { Page } from "../../components/Page";

export default function ConnectionList() {
  return <Page title="Connections">{null}</Page>;
}
