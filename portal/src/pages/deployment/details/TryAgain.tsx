import { Button } from "@fluentui/react-components";
import { useState } from "react";
import { change, type Deployment, deploymentPath } from "../../../api/endpoints";
import { Allowed } from "../../../components/Allowed";
import { useToasts } from "../../../components/toasts";

/** The same deployment once more, with its secrets, which a page never sees: the rest is as it was meant. */
export function TryAgain({ endpoint, resource }: { endpoint: string; resource: Deployment }) {
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  const again = async () => {
    setBusy(true);
    try {
      await change("PUT", deploymentPath(endpoint, resource.name), resource);
    } catch (failure) {
      toasts.failed(`${endpoint}/${resource.name} was not tried again.`, failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Allowed to="onlineEndpoints/deployments/write" on={resource.id}>
      <Button disabled={busy} onClick={() => void again()}>
        Try again
      </Button>
    </Allowed>
  );
}
