import { Button, makeStyles } from "@fluentui/react-components";
import { useParams } from "@tanstack/react-router";
import { Suspense, useState } from "react";
import { type Deployment, type Read, stateOf, useDeployment } from "../../api/endpoints";
import { Allowed } from "../../components/Allowed";
import { lazily } from "../../components/lazily";
import { Page } from "../../components/Page";
import { PageTabs, useTab } from "../../components/PageTabs";
import { path, RouteLink } from "../../components/RouteLink";
import { StateBadge } from "../../components/StateBadge";
import { Failure, isGone, Loading } from "../../components/states";
import { DeleteDeployment } from "./DeleteDeployment";
import { EditDeployment } from "./EditDeployment";
import { ScaleDeployment } from "./life/ScaleDeployment";
import { StartButton } from "./life/StartButton";
import { StopDeployment } from "./life/StopDeployment";

/** The tabs, in their order; the first is shown when the address names none. */
const TABS = [
  { id: "details", label: "Details", view: lazily(() => import("./details/DetailsTab")) },
  { id: "test", label: "Test", view: lazily(() => import("./test/TestTab")) },
  { id: "consume", label: "Consume", view: lazily(() => import("./consume/ConsumeTab")) },
  { id: "logs", label: "Logs", view: lazily(() => import("./logs/LogsTab")) },
  { id: "data", label: "Data", view: lazily(() => import("./data/DataTab")) },
] as const;

const useStyles = makeStyles({ shown: { display: "contents" } });

export default function DeploymentPage() {
  const { endpoint = "", deployment = "" } = useParams({ strict: false });
  const query = useDeployment(endpoint, deployment);
  if (query.data && !isGone(query.error))
    return <Shown key={`${endpoint}/${deployment}`} endpoint={endpoint} read={query.data} />;
  return (
    <Page title={deployment} lead={<Place endpoint={endpoint} />}>
      {query.isError ? <Failure failure={query.error} retry={() => void query.refetch()} /> : <Loading />}
    </Page>
  );
}

function Shown({ endpoint, read }: { endpoint: string; read: Read<Deployment> }) {
  const { name, properties } = read.resource;
  const styles = useStyles();
  const shown = useTab(TABS);
  // Who tries a flow looks at its log in between: what is asked, answered and half written must be there again.
  const [tested, setTested] = useState(shown.id === "test");
  if (shown.id === "test" && !tested) setTested(true);
  const [asked, setAsked] = useState<"edit" | "scale" | "stop" | "delete" | null>(null);
  const isGoing = properties.provisioningState === "Deleting";
  return (
    <Page
      title={name}
      lead={
        <>
          <Place endpoint={endpoint} /> <StateBadge state={stateOf(properties)} />
        </>
      }
      actions={
        <>
          <Allowed to="onlineEndpoints/deployments/write" on={read.resource.id}>
            <Button onClick={() => setAsked("edit")} disabled={isGoing}>
              Edit
            </Button>
          </Allowed>
          <Allowed to="onlineEndpoints/deployments/write" on={read.resource.id}>
            <Button onClick={() => setAsked("scale")} disabled={isGoing}>
              Scale
            </Button>
          </Allowed>
          {properties.state === "Stopped" ? (
            <StartButton endpoint={endpoint} deployment={name} disabled={isGoing} />
          ) : (
            <Allowed to="onlineEndpoints/deployments/stop/action" on={read.resource.id}>
              <Button onClick={() => setAsked("stop")} disabled={isGoing}>
                Stop
              </Button>
            </Allowed>
          )}
          <Allowed to="onlineEndpoints/deployments/delete" on={read.resource.id}>
            <Button onClick={() => setAsked("delete")} disabled={isGoing}>
              Delete
            </Button>
          </Allowed>
        </>
      }
    >
      <PageTabs tabs={TABS} shown={shown} />
      {TABS.filter(({ id }) => id === shown.id || (id === "test" && tested)).map((tab) => (
        <div key={tab.id} {...(tab.id === shown.id ? { className: styles.shown } : { hidden: true })}>
          <Suspense fallback={<Loading />}>
            <tab.view endpoint={endpoint} deployment={name} />
          </Suspense>
        </div>
      ))}
      {asked === "edit" && (
        <EditDeployment endpoint={endpoint} deployment={read.resource} onClose={() => setAsked(null)} />
      )}
      {asked === "scale" && (
        <ScaleDeployment endpoint={endpoint} deployment={read.resource} onClose={() => setAsked(null)} />
      )}
      {asked === "stop" && (
        <StopDeployment endpoint={endpoint} deployment={read.resource} onClose={() => setAsked(null)} />
      )}
      {asked === "delete" && (
        <DeleteDeployment endpoint={endpoint} deployment={read.resource} onClose={() => setAsked(null)} />
      )}
    </Page>
  );
}

function Place({ endpoint }: { endpoint: string }) {
  return (
    <>
      Deployment of the endpoint <RouteLink to={path("/endpoints", endpoint)}>{endpoint}</RouteLink>
    </>
  );
}
