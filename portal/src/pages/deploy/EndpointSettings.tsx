import { Checkbox, Field, Radio, RadioGroup, Text } from "@fluentui/react-components";
import { path, RouteLink } from "../../components/RouteLink";
import { TagsEditor } from "../../components/TagsEditor";
import { AUTH_MODES, lastOf } from "./fields";
import { type AuthMode, type Endpoint, isNew } from "./form";
import { IdentityChoice } from "./IdentityChoice";
import { useFormStyles } from "./layout";
import type { ViewProps } from "./pages";

export function EndpointSettings(props: ViewProps) {
  const styles = useFormStyles();
  const { form, facts } = props;
  if (!isNew(form)) return <AsItIs endpoint={facts.endpoints.find((each) => each.name === form.existingEndpoint)} />;
  return (
    <div className={styles.fields}>
      <Authentication {...props} />
      <Identity {...props} />
      <div className={styles.group}>
        <Text weight="semibold" id="field-endpoint-tags" tabIndex={-1}>
          Endpoint tags
        </Text>
        <TagsEditor noun="tag" value={form.endpointTags} onChange={(endpointTags) => props.set({ endpointTags })} />
      </div>
    </div>
  );
}

function AsItIs({ endpoint }: { endpoint: Endpoint | undefined }) {
  const styles = useFormStyles();
  if (!endpoint) return <Text>Select an endpoint on the page Basic settings first.</Text>;
  const identities = Object.keys(endpoint.identity?.userAssignedIdentities ?? {}).map(lastOf);
  const identity = identities.length ? `user assigned: ${identities.join(", ")}` : "system assigned";
  const mode = AUTH_MODES.find((each) => each.value === endpoint.properties.authMode)?.label ?? "";
  return (
    <div className={styles.group}>
      <Text>
        The endpoint {endpoint.name} exists, and a deployment does not change its settings: {mode.toLowerCase()},
        identity {identity}.
      </Text>
      <RouteLink to={path("/endpoints", endpoint.name)}>Open the endpoint's page</RouteLink>
    </div>
  );
}

function Authentication({ form, set }: ViewProps) {
  return (
    <Field label="Authentication type" hint={AUTH_MODES.find((each) => each.value === form.authMode)?.hint ?? ""}>
      <RadioGroup
        id="field-auth"
        value={form.authMode}
        onChange={(_, { value }) => set({ authMode: value as AuthMode })}
      >
        {AUTH_MODES.map((each) => (
          <Radio key={each.value} value={each.value} label={each.label} />
        ))}
      </RadioGroup>
    </Field>
  );
}

function Identity(props: ViewProps) {
  const styles = useFormStyles();
  const { form, set } = props;
  return (
    <div className={styles.group}>
      <Field
        label="Identity type"
        hint="By its identity the endpoint reads connections, pulls images and loads the model."
      >
        <RadioGroup
          id="field-identity"
          layout="horizontal"
          value={form.identityType}
          onChange={(_, { value }) => set({ identityType: value as "SystemAssigned" | "UserAssigned" })}
        >
          <Radio value="SystemAssigned" label="System assigned" />
          <Radio value="UserAssigned" label="User assigned" />
        </RadioGroup>
      </Field>
      {form.identityType === "SystemAssigned" ? <Enforcement {...props} /> : <IdentityChoice {...props} />}
    </div>
  );
}

function Enforcement({ form, set }: ViewProps) {
  return (
    <Field
      hint={
        form.enforce
          ? "The endpoint is granted the role Azure Machine Learning Workspace Connection Secrets Reader, if you may read connection secrets yourself."
          : "Somebody who may has to grant this role to the endpoint's identity, if the flow uses connections."
      }
    >
      <Checkbox
        id="field-enforce"
        label="Enforce access to connection secrets (preview)"
        checked={form.enforce}
        onChange={(_, { checked }) => set({ enforce: checked === true })}
      />
    </Field>
  );
}
