import { Page } from "../../components/Page";

export default function EnvironmentPage() {
  return <Page title="Environment">{null}</Page>;
}
