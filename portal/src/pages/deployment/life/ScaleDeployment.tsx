import {
  Field,
  Input,
  MessageBar,
  MessageBarBody,
  makeStyles,
  Radio,
  RadioGroup,
  Text,
} from "@fluentui/react-components";
import { useState } from "react";
import { patchBetween } from "../../../api/edits";
import { type Deployment, deploymentPath } from "../../../api/endpoints";
import { FormDialog } from "../../../components/FormDialog";
import { useToasts } from "../../../components/toasts";
import { useEdit } from "../../../components/useEdit";
import { UNFIT } from "../../../components/useSubmission";
import { plural, sumOf } from "../../deploy/quota";
import { useInstanceTypes } from "../SizeAndCount";
import { bodyOf, problemsOf, type Scaling, type ScalingField, scalingOf } from "./scaling";
import { useAutoscale } from "./useAutoscale";

const useStyles = makeStyles({
  short: { width: "8rem" },
});

type Props = { endpoint: string; deployment: Deployment; onClose: () => void };

/** How many instances: a number, one that sleeps, or what the load takes. Mounted while open. */
export function ScaleDeployment({ endpoint, deployment, onClose }: Props) {
  const toasts = useToasts();
  const { resource, save } = useEdit(deployment);
  const [scaling, setScaling] = useState(() => scalingOf(resource));
  const set = (more: Partial<Scaling>) => setScaling((now) => ({ ...now, ...more }));
  const problems = problemsOf(scaling);
  const submit = async () => {
    const { sku, properties } = resource;
    const before = { sku: { capacity: sku.capacity }, properties: { scaleSettings: properties.scaleSettings } };
    const patch = patchBetween(before, bodyOf(scaling, resource));
    await save({ path: deploymentPath(endpoint, resource.name), patch });
    toasts.done(`${endpoint}/${resource.name}: saved`);
  };
  const props = { scaling, set, problems };
  return (
    <FormDialog
      title={`Scale ${resource.name}`}
      action="Save"
      refusal="It was not saved."
      onSubmit={submit}
      onClose={onClose}
    >
      <Driven deployment={resource} />
      <Field label="Instances">
        <RadioGroup value={scaling.mode} onChange={(_, { value }) => set({ mode: value as Scaling["mode"] })}>
          <Radio value="hand" label="By hand: a fixed number" />
          <Radio value="zero" label="To zero: one, which sleeps when nobody asks it" />
          <Radio value="load" label="By load: as many as the requests take" />
        </RadioGroup>
      </Field>
      {scaling.mode === "hand" && <Count field="count" label="Instance count" {...props} />}
      {scaling.mode === "zero" && (
        <Count
          field="idleSeconds"
          label="Idle time (seconds)"
          hint="After so long without a request the instance ends. The next request waits while it is started, and is then answered."
          {...props}
        />
      )}
      {scaling.mode === "load" && (
        <>
          <Count field="least" label="Instances at least" hint="0: one, which sleeps when nobody asks it." {...props} />
          <Count field="most" label="Instances at most" {...props} />
          <Count
            field="target"
            label="Target utilisation (%)"
            hint="Of the requests that an instance runs at once. Above it there are more instances at once; fewer when they have been enough for some minutes."
            {...props}
          />
        </>
      )}
      <Cost deployment={resource} scaling={scaling} />
    </FormDialog>
  );
}

/** That something else says the number, if it does. */
function Driven({ deployment }: { deployment: Deployment }) {
  const { setting } = useAutoscale(deployment.id);
  if (!setting?.properties.enabled) return null;
  return (
    <MessageBar intent="info" layout="multiline">
      <MessageBarBody>
        The autoscale setting {setting.name} says how many instances there are, within its bounds. A number that is set
        here counts until its rules ask for another. It goes with a fixed number only: delete the rules to scale to zero
        or by load.
      </MessageBarBody>
    </MessageBar>
  );
}

type FieldProps = {
  scaling: Scaling;
  set: (more: Partial<Scaling>) => void;
  problems: Partial<Record<ScalingField, string>>;
};

function Count({
  field,
  label,
  hint = "",
  ...props
}: FieldProps & { field: ScalingField; label: string; hint?: string }) {
  const styles = useStyles();
  const { scaling, set, problems } = props;
  const problem = problems[field];
  return (
    <Field label={label} hint={hint} {...(problem && { validationState: "error", validationMessage: problem })}>
      <Input
        type="number"
        className={styles.short}
        value={scaling[field]}
        onChange={(_, { value }) => set({ [field]: value })}
        {...(problem && UNFIT)}
      />
    </Field>
  );
}

/** What it takes of the quota. */
function Cost({ deployment, scaling }: { deployment: Deployment; scaling: Scaling }) {
  const { instanceType } = deployment.properties;
  const size = (useInstanceTypes().data ?? []).find(({ name }) => name.toLowerCase() === instanceType.toLowerCase());
  const count = Number({ hand: scaling.count, zero: "1", load: scaling.most }[scaling.mode]);
  if (!size || !Number.isInteger(count) || count < 1) return null;
  const sum = sumOf({ name: size.name, ...size.properties }, count);
  return (
    <Text size={200}>
      {scaling.mode === "zero" && "Also while it sleeps: "}
      {scaling.mode === "load" && "At most: "}
      {sum}. Besides what it has, {plural(size.properties.quotaLeft.cores, "core")} of the quota are left.
    </Text>
  );
}
