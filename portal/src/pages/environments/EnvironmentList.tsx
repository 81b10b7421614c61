import { Page } from "../../components/Page";

export default function EnvironmentList() {
  return <Page title="Environments">{null}</Page>;
}
