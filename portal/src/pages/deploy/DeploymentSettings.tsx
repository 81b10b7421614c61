import { Dropdown, Field, Option, Radio, RadioGroup, Text } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { all } from "../../api/client";
import { keyOf } from "../../api/queries";
import { RouteLink } from "../../components/RouteLink";
import { Loaded } from "../../components/states";
import { TagsEditor } from "../../components/TagsEditor";
import { said } from "./BasicSettings";
import { CUSTOM } from "./fields";
import { LimitFields } from "./LimitFields";
import { useFormStyles } from "./layout";
import type { ViewProps } from "./pages";

// biome-ignore lint/suspicious/noTemplateCurlyInString: this is what is written there
const PART_OF_CONNECTION = "${{azureml://connections/NAME/credentials/FIELD}}";

export function DeploymentSettings(props: ViewProps) {
  const styles = useFormStyles();
  const { form, set, say, facts } = props;
  const own = facts.flow.environmentVariables;
  return (
    <div className={styles.fields}>
      <div className={styles.group}>
        <Text weight="semibold" id="field-deployment-tags" tabIndex={-1}>
          Deployment tags
        </Text>
        <TagsEditor noun="tag" value={form.deploymentTags} onChange={(deploymentTags) => set({ deploymentTags })} />
      </div>
      <Environment {...props} />
      <div className={styles.group}>
        <Text weight="semibold" id="field-variables" tabIndex={-1}>
          Environment variables
        </Text>
        <Text size={200} className={styles.quiet}>
          {own.length > 0 && `The flow sets ${own.join(", ")}; what is set here comes first. `}A part of a connection is
          asked for by {PART_OF_CONNECTION}.
        </Text>
        <TagsEditor noun="environment variable" value={form.variables} onChange={(variables) => set({ variables })} />
        <Field {...said(say("field-variables"))} />
      </div>
      <RequestLimits {...props} />
    </div>
  );
}

function Environment({ form, set, say, facts }: ViewProps) {
  const styles = useFormStyles();
  const image = facts.flow.image ?? "the default image";
  return (
    <div className={styles.group}>
      <Field label="Environment" hint={`The flow's own: ${image}, and the packages of its requirements.txt.`}>
        <RadioGroup
          id="field-environment"
          value={form.environment ? "custom" : "own"}
          onChange={(_, { value }) => set({ environment: value === "custom" ? CUSTOM : "", environmentVersion: "" })}
        >
          <Radio value="own" label="Environment of the flow" />
          <Radio value="custom" label="Custom environment" />
        </RadioGroup>
      </Field>
      {form.environment && (
        <>
          <EnvironmentName {...{ form, set, say, facts }} />
          {form.environment !== CUSTOM && <EnvironmentVersion {...{ form, set, say, facts }} />}
        </>
      )}
    </div>
  );
}

type Container = { name: string; properties: { latestVersion?: string | null } };

function EnvironmentName({ form, set, say }: ViewProps) {
  const styles = useFormStyles();
  const query = useQuery({ queryKey: keyOf("/environments"), queryFn: () => all<Container>("/environments") });
  const chosen = form.environment === CUSTOM ? "" : form.environment;
  return (
    <Loaded query={query}>
      {(found) => (
        <Field
          label="Custom environment"
          required
          hint={<RouteLink to="/environments">See all environments, or create one</RouteLink>}
          {...said(say("field-environment", true))}
        >
          <Dropdown
            className={styles.input}
            placeholder={found.length ? "Select an environment" : "There is none yet"}
            value={chosen}
            selectedOptions={chosen ? [chosen] : []}
            onOptionSelect={(_, { optionValue }) => {
              const container = found.find((each) => each.name === optionValue);
              set({
                environment: optionValue ?? CUSTOM,
                environmentVersion: container?.properties.latestVersion ?? "",
              });
            }}
          >
            {found.map(({ name }) => (
              <Option key={name} value={name}>
                {name}
              </Option>
            ))}
          </Dropdown>
        </Field>
      )}
    </Loaded>
  );
}

function EnvironmentVersion({ form, set }: ViewProps) {
  const styles = useFormStyles();
  const below = `/environments/${encodeURIComponent(form.environment)}/versions`;
  const query = useQuery({ queryKey: keyOf(below), queryFn: () => all<{ name: string }>(below) });
  return (
    <Loaded query={query}>
      {(found) => (
        <Field label="Environment version" required>
          <Dropdown
            className={styles.short}
            value={form.environmentVersion}
            selectedOptions={[form.environmentVersion]}
            onOptionSelect={(_, { optionValue }) => set({ environmentVersion: optionValue ?? "" })}
          >
            {found.map(({ name }) => (
              <Option key={name} value={name}>
                {name}
              </Option>
            ))}
          </Dropdown>
        </Field>
      )}
    </Loaded>
  );
}

function RequestLimits({ form, set, say }: ViewProps) {
  const styles = useFormStyles();
  return (
    <div className={styles.group}>
      <Text weight="semibold">Request limits</Text>
      <LimitFields value={form} problemOf={({ id }) => say(id)} onChange={set} />
    </div>
  );
}
