import { Button, type ButtonProps } from "@fluentui/react-components";
import { useState } from "react";
import { deploymentPath } from "../../../api/endpoints";
import { Allowed } from "../../../components/Allowed";
import { useToasts } from "../../../components/toasts";
import { start } from "./power";

type Props = { endpoint: string; deployment: string } & Pick<ButtonProps, "appearance" | "disabled">;

/** Starts what is stopped; says why when the quota refuses it. */
export function StartButton({ endpoint, deployment, disabled = false, ...rest }: Props) {
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  const begin = async () => {
    setBusy(true);
    try {
      await start(endpoint, deployment);
    } catch (failure) {
      toasts.failed(`${endpoint}/${deployment} was not started.`, failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Allowed to="onlineEndpoints/deployments/start/action" on={deploymentPath(endpoint, deployment)}>
      <Button {...rest} disabled={disabled || busy} onClick={() => void begin()}>
        Start
      </Button>
    </Allowed>
  );
}
