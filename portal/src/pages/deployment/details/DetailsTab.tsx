import { makeStyles, Text, tokens } from "@fluentui/react-components";
import {
  type Deployment,
  deploymentPath,
  spokenVersion,
  useDeployment,
  useEndpoint,
  versionOf,
} from "../../../api/endpoints";
import { CopyButton } from "../../../components/CopyButton";
import { type Fact, Facts } from "../../../components/Facts";
import { FaultBar } from "../../../components/FaultBar";
import { Moment } from "../../../components/Moment";
import { path, RouteLink } from "../../../components/RouteLink";
import { Section } from "../../../components/Section";
import { StateBadge } from "../../../components/StateBadge";
import { Loaded } from "../../../components/states";
import { Tags } from "../../../components/Tags";
import { Events } from "../../endpoints/events/Events";
import { Progress } from "../../endpoints/events/Progress";
import { spokenDuration } from "../../endpoints/words";
import { MendFlow } from "../../flows/MendFlow";
import { isByItsFiles } from "../../flows/mending";
import { FLOW_OF_MODEL, useModelVersions } from "../../models/models";
import { AutoscaleRules } from "../life/AutoscaleRules";
import { RequestLimits } from "../life/RequestLimits";
import { StoppedBar } from "../life/StoppedBar";
import { spokenReason, spokenScale } from "../life/scaling";
import { Conditions } from "./Conditions";
import { Instances } from "./Instances";
import { Revisions } from "./Revisions";
import { TryAgain } from "./TryAgain";
import { Utilization } from "./Utilization";

const useStyles = makeStyles({
  tab: { display: "grid", gap: tokens.spacingVerticalL, minWidth: 0 },
  pair: {
    display: "grid",
    gap: tokens.spacingVerticalL,
    gridTemplateColumns: "repeat(auto-fit, minmax(min(100%, 28rem), 1fr))",
    alignItems: "start",
  },
  list: { margin: 0, padding: 0, listStyle: "none", overflowWrap: "anywhere", width: "100%" },
  variable: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
});

type Names = { endpoint: string; deployment: string };

export default function DetailsTab({ endpoint, deployment }: Names) {
  const styles = useStyles();
  const query = useDeployment(endpoint, deployment);
  return (
    <div className={styles.tab}>
      <Loaded query={query}>
        {({ resource }) => (
          <>
            <FaultBar
              title="The last change failed."
              fault={resource.properties.provisioningError}
              action={
                resource.properties.provisioningState === "Failed" && (
                  <TryAgain endpoint={endpoint} resource={resource} />
                )
              }
            />
            {resource.properties.state === "Stopped" && <StoppedBar endpoint={endpoint} deployment={deployment} />}
            <Mending resource={resource} />
            <Progress id={resource.id} />
            <Settings endpoint={endpoint} resource={resource} />
            <Instances endpoint={endpoint} deployment={resource} />
            <AutoscaleRules endpoint={endpoint} deployment={resource} />
            <RequestLimits endpoint={endpoint} deployment={resource} />
            <div className={styles.pair}>
              <Conditions
                conditions={resource.properties.conditions}
                isStopped={resource.properties.state === "Stopped"}
              />
              <Utilization endpoint={endpoint} deployment={deployment} />
            </div>
            <Revisions endpoint={endpoint} deployment={resource} />
            <Events path={deploymentPath(endpoint, deployment)} />
          </>
        )}
      </Loaded>
    </div>
  );
}

function Settings({ endpoint, resource }: { endpoint: string; resource: Deployment }) {
  const { properties, sku, tags, systemData } = resource;
  const facts: readonly Fact[] = [
    { label: "Provisioning state", value: <StateBadge state={properties.provisioningState} /> },
    { label: "State", value: <StateBadge state={properties.state} /> },
    ...useEndpointFacts(endpoint, resource.name),
    { label: "Virtual machine", value: properties.instanceType },
    { label: "Instance count", value: String(sku.capacity) },
    { label: "Scaling", value: spokenScale(properties) },
    ...(properties.scaling ? [{ label: "Last scaled", value: spokenReason(properties) }] : []),
    { label: "Model", value: <ModelLink id={properties.model} /> },
    { label: "Environment", value: <EnvironmentLink id={properties.environmentId} /> },
    { label: "Description", value: properties.description },
    { label: "Tags", value: Object.keys(tags ?? {}).length > 0 && <Tags value={tags} /> },
    { label: "Liveness probe", value: spokenProbe(properties.livenessProbe) },
    { label: "Readiness probe", value: spokenProbe(properties.readinessProbe) },
    { label: "Inference data collection", value: spokenCollections(properties.dataCollector) },
    { label: "Environment variables", value: <Variables value={properties.environmentVariables} /> },
    { label: "Connections", value: <Connections of={properties.connections} /> },
    { label: "Outputs in the response", value: properties.includedOutputs?.join(", ") ?? "All" },
    { label: "Created", value: <Dated at={systemData?.createdAt} by={systemData?.createdBy} /> },
    { label: "Changed", value: <Dated at={systemData?.lastModifiedAt} by={systemData?.lastModifiedBy} /> },
  ];
  return (
    <Section title="Settings">
      <Facts facts={facts} />
    </Section>
  );
}

/** What a deployment has of its endpoint. */
function useEndpointFacts(name: string, deployment: string): readonly Fact[] {
  const endpoint = useEndpoint(name).data?.resource;
  if (!endpoint) return [];
  const { scoringUri, traffic, mirrorTraffic } = endpoint.properties;
  const url = (
    <>
      {scoringUri}
      <CopyButton text={scoringUri} what="endpoint URL" />
    </>
  );
  const mirrored = mirrorTraffic[deployment];
  return [
    { label: "Endpoint URL", value: url, wide: true },
    { label: "Traffic", value: mirrored ? `${mirrored} % mirrored` : `${traffic[deployment] ?? 0} %` },
    { label: "Identity", value: <IdentityLink endpoint={name} type={endpoint.identity.type} /> },
  ];
}

const MEND = "Mend the flow and deploy it again: Try again starts the same version of the model, with the same files.";

/** Of a deployment that failed by what its flow's files hold. */
function Mending({ resource: { properties } }: { resource: Deployment }) {
  const fault = properties.provisioningError;
  const model = versionOf(properties.model);
  const versions = useModelVersions(model?.name ?? "", isByItsFiles(fault));
  const used = versions.data?.find(({ name }) => name === model?.version);
  return <MendFlow flow={used?.properties.properties[FLOW_OF_MODEL] ?? ""} fault={fault} next={MEND} />;
}

function IdentityLink({ endpoint, type }: { endpoint: string; type: string }) {
  const spoken = type === "UserAssigned" ? "User assigned" : "System assigned";
  return <RouteLink to={path("/endpoints", endpoint)}>{`${spoken}, of the endpoint`}</RouteLink>;
}

function ModelLink({ id }: { id: string }) {
  const model = versionOf(id);
  if (!model) return <>{id}</>;
  return (
    <RouteLink to="/endpoints" search={{ tab: "models", model: model.name }}>
      {spokenVersion(id)}
    </RouteLink>
  );
}

function EnvironmentLink({ id }: { id: string | null }) {
  const environment = versionOf(id);
  if (!id) return <>The flow's own</>;
  if (!environment || id.startsWith("azureml://registries/")) return <>{spokenVersion(id)}</>;
  return <RouteLink to={path("/environments", environment.name)}>{spokenVersion(id)}</RouteLink>;
}

function Variables({ value }: { value: Record<string, string> }) {
  const styles = useStyles();
  const pairs = Object.entries(value);
  if (pairs.length === 0) return <Text>None</Text>;
  return (
    <ul className={styles.list} aria-label="Environment variables">
      {pairs.map(([name, text]) => (
        <li key={name} className={styles.variable}>
          {name}={text}
        </li>
      ))}
    </ul>
  );
}

function Connections({ of }: { of: Deployment["properties"]["connections"] }) {
  const styles = useStyles();
  if (of.length === 0) return <Text>None</Text>;
  return (
    <ul className={styles.list} aria-label="Connections">
      {of.map(({ name, connection, usedBy }) => (
        <li key={`${name} ${connection}`}>
          <RouteLink to={path("/connections", connection)}>{connection}</RouteLink>
          {usedBy.length > 0 && ` for ${usedBy.join(", ")}`}
        </li>
      ))}
    </ul>
  );
}

function Dated({ at, by }: { at: string | undefined; by: string | undefined }) {
  return (
    <span>
      <Moment at={at} />
      {by && ` by ${by}`}
    </span>
  );
}

function spokenProbe({ initialDelay, period, timeout, failureThreshold }: Deployment["properties"]["livenessProbe"]) {
  const words = [initialDelay, period, timeout].map(spokenDuration);
  return `after ${words[0]}, every ${words[1]}, within ${words[2]}, ${failureThreshold} failures`;
}

function spokenCollections(collector: Deployment["properties"]["dataCollector"]): string {
  const on = Object.entries(collector?.collections ?? {}).filter(([, each]) => each.dataCollectionMode !== "Disabled");
  return on.map(([name]) => name).join(", ") || "Off";
}
