import { Page } from "../../components/Page";

export default function DeployWizard() {
  return <Page title="Deploy">{null}</Page>;
}
