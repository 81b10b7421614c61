import {
  Checkbox,
  Dropdown,
  Field,
  MessageBar,
  MessageBarBody,
  Option,
  Subtitle2,
  Text,
} from "@fluentui/react-components";
import { RouteLink } from "../../components/RouteLink";
import { said } from "./BasicSettings";
import { type Connection, connectionFor, type FlowOutput, missingConnections, type Use } from "./form";
import { useFormStyles } from "./layout";
import type { ViewProps } from "./pages";

export function OutputsAndConnections(props: ViewProps) {
  const styles = useFormStyles();
  return (
    <div className={styles.fields}>
      <Outputs {...props} />
      <Connections {...props} />
    </div>
  );
}

function Outputs({ form, set, facts, say }: ViewProps) {
  const styles = useFormStyles();
  const { outputs } = facts.flow;
  const tick = (name: string, on: boolean) =>
    set({ leftOut: on ? form.leftOut.filter((each) => each !== name) : [...form.leftOut, name] });
  return (
    <section className={styles.group} aria-labelledby="field-outputs">
      <Subtitle2 as="h3" className={styles.heading} id="field-outputs" tabIndex={-1}>
        Outputs
      </Subtitle2>
      <Text className={styles.quiet}>
        {outputs.length
          ? "The selected outputs are in the endpoint's response."
          : "The flow's files name no outputs; the response has whatever the flow returns."}
      </Text>
      <div>
        {outputs.map((output) => (
          <div key={output.name}>
            <Checkbox
              label={labelOf(output)}
              checked={!output.evaluationOnly && !form.leftOut.includes(output.name)}
              disabled={output.evaluationOnly === true}
              onChange={(_, { checked }) => tick(output.name, checked === true)}
            />
          </div>
        ))}
      </div>
      {/* A field of its own: around several boxes it would give them all one id. */}
      <Field {...said(say("field-outputs"))} />
    </section>
  );
}

function labelOf({ name, type, evaluationOnly }: FlowOutput): string {
  return `${name} (${type})${evaluationOnly ? ": made of many rows, not in single responses" : ""}`;
}

function Connections(props: ViewProps) {
  const styles = useFormStyles();
  const { form, facts } = props;
  const missing = missingConnections(form, facts);
  return (
    <section className={styles.group} aria-labelledby="field-connections">
      <Subtitle2 as="h3" className={styles.heading} id="field-connections" tabIndex={-1}>
        Connections
      </Subtitle2>
      <Text className={styles.quiet}>
        {facts.flow.connections.length
          ? "What the endpoint uses when it performs inference. By default they are inherited from the flow."
          : "The flow uses no connections."}
      </Text>
      {facts.connections === null && facts.flow.connections.length > 0 && (
        <Text>Your roles do not let you see the workspace's connections; the flow's own are used.</Text>
      )}
      {facts.flow.connections.map((use) => (
        <ConnectionChoice key={use.name} use={use} missing={missing.includes(use)} {...props} />
      ))}
      <MissingConnections {...{ form, facts }} />
    </section>
  );
}

function ConnectionChoice({ use, missing, form, set, facts }: ViewProps & { use: Use; missing: boolean }) {
  const styles = useFormStyles();
  const offered = offeredFor(use.name, facts.connections ?? []);
  const chosen = connectionFor(form, use.name);
  const users = use.usedBy.length ? `Used by ${use.usedBy.join(", ")}.` : "";
  return (
    <Field
      label={use.name}
      hint={users}
      {...(missing && {
        validationState: "warning" as const,
        validationMessage: `There is no connection ${chosen}.${use.required ? "" : " The flow may do without."}`,
      })}
    >
      <Dropdown
        className={styles.input}
        disabled={facts.connections === null}
        value={chosen === use.name ? `${use.name} (inherited)` : chosen}
        selectedOptions={[chosen]}
        onOptionSelect={(_, { optionValue }) =>
          set({ overrides: { ...form.overrides, [use.name]: optionValue === use.name ? "" : (optionValue ?? "") } })
        }
      >
        <Option value={use.name}>{`${use.name} (inherited)`}</Option>
        {offered.map(({ name, category }) => (
          <Option key={name} value={name} text={name}>
            {`${name} (${category})`}
          </Option>
        ))}
      </Dropdown>
    </Field>
  );
}

/** Others than the flow's own: those of its type first. */
function offeredFor(name: string, connections: readonly Connection[]): Connection[] {
  const type = connections.find((each) => each.name === name)?.category;
  const others = connections.filter((each) => each.name !== name);
  const fits = (each: Connection) => Number(each.category === type);
  return others.sort((a, b) => fits(b) - fits(a) || a.name.localeCompare(b.name));
}

/** Those without which the deployment would fail. */
export function MissingConnections({ form, facts }: Pick<ViewProps, "form" | "facts">) {
  const missing = missingConnections(form, facts).filter((use) => use.required);
  if (missing.length === 0) return null;
  const names = missing.map((use) => connectionFor(form, use.name));
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>
        {names.length === 1 ? "A connection is missing" : "Connections are missing"}: {names.join(", ")}. The deployment
        would fail. <RouteLink to="/connections">Create it under Connections</RouteLink>, or select another one.
      </MessageBarBody>
    </MessageBar>
  );
}
