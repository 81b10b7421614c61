import { Text } from "@fluentui/react-components";
import { useRouter } from "@tanstack/react-router";
import { change, type Deployment, deploymentPath } from "../../api/endpoints";
import { DeleteDialog } from "../../components/DeleteDialog";
import { path } from "../../components/RouteLink";

type Props = { endpoint: string; deployment: Deployment; onClose: () => void };

/** Mounted while open. */
export function DeleteDeployment({ endpoint, deployment: { name, sku }, onClose }: Props) {
  const router = useRouter();
  const resource = deploymentPath(endpoint, name);
  const remove = async () => {
    await change("DELETE", resource);
    router.history.push(`/portal${path("/endpoints", endpoint)}`);
  };
  return (
    <DeleteDialog
      what={`the deployment ${name} of ${endpoint}`}
      name={name}
      resource={resource}
      onDelete={remove}
      onClose={onClose}
    >
      <Text block>
        Its {sku.capacity} {sku.capacity === 1 ? "instance" : "instances"} and their logs go with it; its model and its
        environment stay. A deployment that gets traffic is not deleted: on the endpoint's page, give its share to
        another one first.
      </Text>
    </DeleteDialog>
  );
}
