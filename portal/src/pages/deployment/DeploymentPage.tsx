import { Page } from "../../components/Page";

export default function DeploymentPage() {
  return <Page title="Deployment">{null}</Page>;
}
