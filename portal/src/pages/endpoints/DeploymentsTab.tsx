import { type DeploymentRow, spokenVersion, stateOf, useDeployments } from "../../api/endpoints";
import { ResourceTable } from "../../components/ResourceTable";
import { RouteButton } from "../../components/RouteLink";
import { Empty, Loaded } from "../../components/states";
import { DEPLOYMENT_COLUMNS } from "./columns";

export default function DeploymentsTab() {
  const query = useDeployments();
  return (
    <Loaded query={query}>
      {(rows) =>
        rows.length === 0 ? (
          <Empty
            title="No deployments yet"
            action={
              <RouteButton to="/flows" appearance="primary">
                Go to Flows
              </RouteButton>
            }
          >
            Open a flow and choose Deploy: it gets an endpoint with a URL that answers.
          </Empty>
        ) : (
          <ResourceTable
            label="Deployments"
            rows={rows}
            columns={DEPLOYMENT_COLUMNS}
            keyOf={(row) => row.id}
            textOf={textOf}
          />
        )
      }
    </Loaded>
  );
}

function textOf({ name, tags, properties }: DeploymentRow): string {
  const { endpoint, model, instanceType } = properties;
  const said = [name, endpoint, stateOf(properties), spokenVersion(model), instanceType];
  return [...said, ...Object.entries(tags ?? {})].join(" ");
}
