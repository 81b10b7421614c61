import { Page } from "../../components/Page";

export default function DataList() {
  return <Page title="Data">{null}</Page>;
}
