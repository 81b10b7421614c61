import { Page } from "../../components/Page";

export default function AddRoleAssignment() {
  return <Page title="Add role assignment">{null}</Page>;
}
