import { Text } from "@fluentui/react-components";
import { useState } from "react";
import { patchBetween } from "../../../api/edits";
import { type Deployment, deploymentPath } from "../../../api/endpoints";
import { FormDialog } from "../../../components/FormDialog";
import { useToasts } from "../../../components/toasts";
import { useEdit } from "../../../components/useEdit";
import { LimitFields } from "../../deploy/LimitFields";
import { limitProblem, limitsOf, settingsOf } from "../../deploy/limits";

type Props = { endpoint: string; deployment: Deployment; onClose: () => void };

/** Mounted while open. */
export function ChangeLimits({ endpoint, deployment, onClose }: Props) {
  const toasts = useToasts();
  const { resource, save } = useEdit(deployment);
  const { name } = resource;
  const [before] = useState(() => limitsOf(resource.properties.requestSettings));
  const [limits, setLimits] = useState(before);
  const submit = async () => {
    const patch = patchBetween(settingsOf(before), settingsOf(limits));
    await save({ path: deploymentPath(endpoint, name), patch: { properties: { requestSettings: patch } } });
    toasts.done(`${endpoint}/${name}: saved`);
  };
  return (
    <FormDialog
      title={`Request limits of ${name}`}
      action="Save"
      refusal="They were not saved."
      onSubmit={submit}
      onClose={onClose}
    >
      <LimitFields
        value={limits}
        problemOf={(limit) => limitProblem(limit, limits[limit.key])}
        onChange={(more) => setLimits((now) => ({ ...now, ...more }))}
      />
      <Text size={200}>
        Requests per second hold at once. What else is changed starts new instances, and the present ones answer until
        these are ready: no request fails by it.
      </Text>
    </FormDialog>
  );
}
