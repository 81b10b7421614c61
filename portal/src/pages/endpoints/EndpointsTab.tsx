import { useMemo } from "react";
import { useDeployments, useEndpoints } from "../../api/endpoints";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { path, RouteButton, RouteLink } from "../../components/RouteLink";
import { StateBadge } from "../../components/StateBadge";
import { Empty, Failure, Loaded } from "../../components/states";
import { InstanceCount } from "./InstanceCount";
import { type EndpointRow, rowsOf, spokenTraffic, stoppedOf } from "./sums";
import { spokenMode } from "./words";

const COLUMNS: readonly Column<EndpointRow>[] = [
  {
    label: "Name",
    cell: ({ endpoint }) => <RouteLink to={path("/endpoints", endpoint.name)}>{endpoint.name}</RouteLink>,
    sort: ({ endpoint }) => endpoint.name,
  },
  {
    label: "State",
    cell: ({ endpoint }) => <StateBadge state={endpoint.properties.provisioningState} />,
    sort: ({ endpoint }) => endpoint.properties.provisioningState,
    width: "7.5rem",
  },
  {
    label: "Traffic",
    cell: ({ endpoint, deployments }) => spokenTraffic(endpoint, stoppedOf(deployments)),
    sort: ({ endpoint }) => spokenTraffic(endpoint),
  },
  {
    label: "Deployments",
    cell: ({ deployments }) => deployments.length,
    sort: ({ deployments }) => deployments.length,
    width: "7.5rem",
    wide: true,
  },
  {
    label: "Instances",
    cell: ({ ready, asleep, wanted }) => <InstanceCount ready={ready} asleep={asleep} wanted={wanted} />,
    sort: ({ ready }) => ready,
    width: "5.75rem",
    wide: true,
  },
  {
    label: "Requests in 1 h",
    cell: ({ requests }) => requests.toLocaleString("en"),
    sort: ({ requests }) => requests,
    width: "7.5rem",
    wide: true,
  },
  {
    label: "Authentication",
    cell: ({ endpoint }) => spokenMode(endpoint.properties.authMode),
    sort: ({ endpoint }) => endpoint.properties.authMode,
    width: "10rem",
    wide: true,
  },
];

export default function EndpointsTab() {
  const endpoints = useEndpoints();
  const deployments = useDeployments();
  const rows = useMemo(() => rowsOf(endpoints.data ?? [], deployments.data ?? []), [endpoints.data, deployments.data]);
  return (
    <Loaded query={endpoints}>
      {(found) =>
        found.length === 0 ? (
          <Empty
            title="No endpoints yet"
            action={
              <RouteButton to="/flows" appearance="primary">
                Go to Flows
              </RouteButton>
            }
          >
            An endpoint is a URL behind which one or more deployments answer. Deploy a flow to get one.
          </Empty>
        ) : (
          <>
            {deployments.isError && <Failure failure={deployments.error} title="The deployments cannot be counted." />}
            <ResourceTable
              label="Endpoints"
              rows={rows}
              columns={COLUMNS}
              keyOf={({ endpoint }) => endpoint.id}
              textOf={textOf}
            />
          </>
        )
      }
    </Loaded>
  );
}

function textOf({ endpoint, deployments }: EndpointRow): string {
  const { provisioningState, description } = endpoint.properties;
  const tags = Object.entries(endpoint.tags ?? {});
  return [endpoint.name, provisioningState, description, spokenTraffic(endpoint, stoppedOf(deployments)), ...tags].join(
    " ",
  );
}
