import {
  Dropdown,
  Field,
  Input,
  MessageBar,
  MessageBarBody,
  Option,
  Radio,
  RadioGroup,
  Switch,
  Text,
} from "@fluentui/react-components";
import { partsOf } from "./fields";
import { coresLeft, type Deployment, isNew, overwritten, sizeNamed } from "./form";
import { useFormStyles } from "./layout";
import { NAME_RULE } from "./names";
import type { ViewProps } from "./pages";
import { ADVISED_INSTANCES, instancesThatFit, MOST_INSTANCES, plural, sumOf } from "./quota";

export function BasicSettings(props: ViewProps) {
  const styles = useFormStyles();
  return (
    <div className={styles.fields}>
      <Endpoint {...props} />
      <DeploymentName {...props} />
      <VirtualMachine {...props} />
      <InstanceCount {...props} />
      <DataCollection {...props} />
    </div>
  );
}

function Endpoint({ form, set, facts, say }: ViewProps) {
  const styles = useFormStyles();
  const names = facts.endpoints.map((each) => each.name);
  return (
    <div className={styles.group}>
      <Field label="Endpoint" hint="Deploy to a new endpoint, or update an existing one.">
        <RadioGroup
          layout="horizontal"
          value={form.endpointKind}
          onChange={(_, { value }) => set({ endpointKind: value as "new" | "existing" })}
        >
          <Radio value="new" label="New" />
          <Radio value="existing" label="Existing" />
        </RadioGroup>
      </Field>
      {isNew(form) ? (
        <Field label="Endpoint name" required hint={NAME_RULE} {...said(say("field-endpoint"))}>
          <Input
            id="field-endpoint"
            className={styles.input}
            value={form.newEndpoint}
            autoComplete="off"
            spellCheck={false}
            onChange={(_, { value }) => set({ newEndpoint: value })}
          />
        </Field>
      ) : (
        <Field label="Existing endpoint" required {...said(say("field-endpoint", true))}>
          <Dropdown
            id="field-endpoint"
            className={styles.input}
            listbox={{ className: styles.listbox }}
            placeholder={names.length ? "Select an endpoint" : "There is no endpoint yet"}
            value={form.existingEndpoint}
            selectedOptions={form.existingEndpoint ? [form.existingEndpoint] : []}
            onOptionSelect={(_, { optionValue }) => set({ existingEndpoint: optionValue ?? "" })}
          >
            {names.map((name) => (
              <Option key={name} value={name}>
                {name}
              </Option>
            ))}
          </Dropdown>
        </Field>
      )}
    </div>
  );
}

function DeploymentName({ form, set, facts, say }: ViewProps) {
  const styles = useFormStyles();
  const before = overwritten(form, facts);
  return (
    <div className={styles.group}>
      <Field label="Deployment name" required hint={NAME_RULE} {...said(say("field-deployment"))}>
        <Input
          id="field-deployment"
          className={styles.input}
          value={form.deployment}
          autoComplete="off"
          spellCheck={false}
          onChange={(_, { value }) => set({ deployment: value })}
        />
      </Field>
      {before && <OverwriteWarning endpoint={form.existingEndpoint} before={before} />}
    </div>
  );
}

export function OverwriteWarning({ endpoint, before }: { endpoint: string; before: Deployment }) {
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>
        The deployment {before.name} of the endpoint {endpoint} exists and will be overwritten with this configuration.{" "}
        {meanwhileOf(before)}
      </MessageBarBody>
    </MessageBar>
  );
}

function meanwhileOf({ properties: { provisioningState, state } }: Deployment): string {
  if (state === "Stopped") return "It is stopped and stays so: start it on its page when it shall answer.";
  if (provisioningState !== "Failed") return "It goes on answering until the new instances are ready.";
  return "Its last change failed. If instances of an earlier configuration answer, they go on until the new ones are ready.";
}

function VirtualMachine({ form, set, facts, say }: ViewProps) {
  const styles = useFormStyles();
  const size = sizeNamed(facts.sizes, form.size);
  const left = coresLeft(form, facts);
  return (
    <Field
      label="Virtual machine"
      required
      hint={size ? `${partsOf(size)}. ${left} of ${facts.quota.limit} cores of the quota are left.` : ""}
      {...said(say("field-size", true))}
    >
      <Dropdown
        id="field-size"
        className={styles.input}
        listbox={{ className: styles.listbox }}
        value={form.size}
        selectedOptions={[form.size]}
        onOptionSelect={(_, { optionValue }) => set({ size: optionValue ?? "" })}
      >
        {facts.sizes.map((each) => (
          <Option key={each.name} value={each.name} text={each.name}>
            <span className={styles.option}>
              <Text>{each.name}</Text>
              <Text size={200} className={styles.quiet}>
                {partsOf(each)}; quota for {plural(instancesThatFit(each, left), "instance")}
              </Text>
            </span>
          </Option>
        ))}
      </Dropdown>
    </Field>
  );
}

function InstanceCount({ form, set, facts, say }: ViewProps) {
  const styles = useFormStyles();
  const size = sizeNamed(facts.sizes, form.size);
  const count = Number(form.count);
  const wrong = say("field-count");
  const few = !wrong && count < ADVISED_INSTANCES;
  return (
    <Field
      label="Instance count"
      required
      hint={!wrong && size ? `${sumOf(size, count)}.` : ""}
      {...(few
        ? {
            validationState: "none" as const,
            validationMessage: `For high availability, set the value to at least ${ADVISED_INSTANCES}.`,
          }
        : said(wrong))}
    >
      <Input
        id="field-count"
        className={styles.short}
        type="number"
        min={1}
        max={MOST_INSTANCES}
        value={form.count}
        onChange={(_, { value }) => set({ count: value })}
      />
    </Field>
  );
}

function DataCollection({ form, set }: ViewProps) {
  return (
    <Field hint="Keeps the flow's inputs and outputs of each request in data assets, for later monitoring.">
      <Switch
        id="field-collect"
        label="Inference data collection"
        checked={form.collect}
        onChange={(_, { checked }) => set({ collect: checked })}
      />
    </Field>
  );
}

/** As `Field` shows what is wrong. */
export function said(problem: string) {
  return problem ? { validationState: "error" as const, validationMessage: problem } : {};
}
