import { Button, MessageBar, MessageBarBody, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import {
  change,
  type DeploymentRow,
  type Endpoint,
  endpointPath,
  type Read,
  useDeployments,
  useEndpoint,
  useWorkspace,
} from "../../api/endpoints";
import { Allowed } from "../../components/Allowed";
import { CopyButton } from "../../components/CopyButton";
import { DeleteDialog } from "../../components/DeleteDialog";
import { Facts } from "../../components/Facts";
import { FaultBar } from "../../components/FaultBar";
import { Moment } from "../../components/Moment";
import { Page } from "../../components/Page";
import { ResourceTable } from "../../components/ResourceTable";
import { Section } from "../../components/Section";
import { StateBadge } from "../../components/StateBadge";
import { Failure, isGone, Loaded, Loading } from "../../components/states";
import { Tags } from "../../components/Tags";
import { plural } from "../deploy/quota";
import { spokenRate } from "../deployment/life/doorLimits";
import { Credentials } from "./Credentials";
import { DEPLOYMENT_COLUMNS } from "./columns";
import { EditEndpoint } from "./EditEndpoint";
import { Events } from "./events/Events";
import { Progress } from "./events/Progress";
import { Identity } from "./Identity";
import { stoppedOf } from "./sums";
import { Traffic } from "./Traffic";
import { spokenMode } from "./words";

const COLUMNS = DEPLOYMENT_COLUMNS.filter((column) => column.label !== "Endpoint");

const useStyles = makeStyles({
  pair: {
    display: "grid",
    gap: tokens.spacingVerticalL,
    gridTemplateColumns: "repeat(auto-fit, minmax(min(100%, 26rem), 1fr))",
    alignItems: "start",
  },
  list: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL },
});

export default function EndpointPage() {
  const { endpoint: name = "" } = useParams({ strict: false });
  const query = useEndpoint(name);
  if (query.data && !isGone(query.error)) return <Shown key={name} read={query.data} stale={query.error} />;
  return (
    <Page title={name}>
      {query.isError ? <Failure failure={query.error} retry={() => void query.refetch()} /> : <Loading />}
    </Page>
  );
}

/** stale: why what is shown could not be asked for again. */
function Shown({ read, stale }: { read: Read<Endpoint>; stale: unknown }) {
  const styles = useStyles();
  const { resource: endpoint } = read;
  const { properties } = endpoint;
  const all = useDeployments();
  const deployments = useMemo(() => belowOf(endpoint.name, all.data ?? []), [endpoint.name, all.data]);
  const names = useMemo(() => deployments.map((each) => each.name), [deployments]);
  const stopped = useMemo(() => stoppedOf(deployments), [deployments]);
  const [asked, setAsked] = useState<"edit" | "delete" | null>(null);
  const isGoing = properties.provisioningState === "Deleting";
  return (
    <Page
      title={endpoint.name}
      lead={
        <>
          Endpoint <StateBadge state={properties.provisioningState} />
        </>
      }
      actions={
        <>
          <Allowed to="onlineEndpoints/write" on={endpoint.id}>
            <Button onClick={() => setAsked("edit")} disabled={isGoing}>
              Edit
            </Button>
          </Allowed>
          <Allowed to="onlineEndpoints/delete" on={endpoint.id}>
            <Button onClick={() => setAsked("delete")} disabled={isGoing}>
              Delete
            </Button>
          </Allowed>
        </>
      }
    >
      {stale !== null && <Failure failure={stale} title="What you see may be out of date." />}
      <FaultBar title="The last change failed." fault={properties.provisioningError} />
      <Progress id={endpoint.id} />
      <Summary endpoint={endpoint} />
      <Section title="Deployments">
        <Loaded query={all}>
          {() =>
            deployments.length === 0 ? (
              <Text>Nothing answers here yet. Open a flow and deploy it to this endpoint.</Text>
            ) : (
              <ResourceTable label="Deployments" rows={deployments} columns={COLUMNS} keyOf={(row) => row.id} />
            )
          }
        </Loaded>
      </Section>
      {all.data && <Traffic endpoint={endpoint} deployments={names} stopped={stopped} />}
      <div className={styles.pair}>
        <Credentials endpoint={endpoint} />
        <Identity endpoint={endpoint} />
      </div>
      <Events path={endpointPath(endpoint.name)} />
      {asked === "edit" && <EditEndpoint endpoint={endpoint} onClose={() => setAsked(null)} />}
      {asked === "delete" && (
        <DeleteEndpoint name={endpoint.name} deployments={deployments} onClose={() => setAsked(null)} />
      )}
    </Page>
  );
}

function Summary({ endpoint }: { endpoint: Endpoint }) {
  const { properties, systemData, tags } = endpoint;
  const door = useWorkspace().data?.properties;
  return (
    <Section title="Details">
      <Facts
        facts={[
          { label: "Description", value: properties.description },
          { label: "Endpoint URL", value: <Url url={properties.scoringUri} what="endpoint URL" />, wide: true },
          { label: "Swagger URL", value: <Url url={properties.swaggerUri} what="Swagger URL" />, wide: true },
          { label: "Authentication type", value: spokenMode(properties.authMode) },
          { label: "Public network access", value: properties.publicNetworkAccess },
          {
            label: "Requests per second",
            value: door && spokenRate(properties.requestsPerSecond, door.requestsPerSecond),
          },
          { label: "Tags", value: Object.keys(tags ?? {}).length > 0 && <Tags value={tags} /> },
          { label: "Created", value: <Dated at={systemData?.createdAt} by={systemData?.createdBy} /> },
          { label: "Changed", value: <Dated at={systemData?.lastModifiedAt} by={systemData?.lastModifiedBy} /> },
        ]}
      />
    </Section>
  );
}

function Url({ url, what }: { url: string; what: string }) {
  return (
    <>
      {url}
      <CopyButton text={url} what={what} />
    </>
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

type DeleteProps = { name: string; deployments: readonly DeploymentRow[]; onClose: () => void };

function DeleteEndpoint({ name, deployments, onClose }: DeleteProps) {
  const styles = useStyles();
  const navigate = useNavigate();
  const running = deployments.reduce((sum, each) => sum + each.properties.instances.wanted, 0);
  const remove = async () => {
    await change("DELETE", endpointPath(name));
    void navigate({ to: "/endpoints", search: { tab: "endpoints" } as never });
  };
  return (
    <DeleteDialog
      what={`the endpoint ${name}`}
      name={name}
      resource={endpointPath(name)}
      onDelete={remove}
      onClose={onClose}
    >
      <Text block>With it go:</Text>
      <ul className={styles.list}>
        <li>its URL, keys and tokens: callers get 404 from then on;</li>
        <li>
          {deployments.length === 0
            ? "no deployment, for it has none;"
            : `its deployments ${deployments.map((each) => each.name).join(", ")}, with ${plural(running, "instance")} and their logs;`}
        </li>
        <li>its system-assigned identity, with the roles of that.</li>
      </ul>
      <MessageBar intent="info">
        <MessageBarBody>Models, environments and connections stay.</MessageBarBody>
      </MessageBar>
    </DeleteDialog>
  );
}

function belowOf(endpoint: string, deployments: readonly DeploymentRow[]): DeploymentRow[] {
  return deployments.filter((each) => each.properties.endpoint.toLowerCase() === endpoint.toLowerCase());
}
