import { Page } from "../../components/Page";

export default function AccessPage() {
  return <Page title="Access control (IAM)">{null}</Page>;
}
