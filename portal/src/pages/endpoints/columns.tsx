/** The columns of deployments, in their order. */

import { type DeploymentRow, spokenVersion, stateOf } from "../../api/endpoints";
import type { Column } from "../../components/ResourceTable";
import { path, RouteLink } from "../../components/RouteLink";
import { StateBadge } from "../../components/StateBadge";
import { InstanceCount } from "./InstanceCount";
import { spokenShare } from "./sums";

export const DEPLOYMENT_COLUMNS: readonly Column<DeploymentRow>[] = [
  {
    label: "Name",
    cell: (row) => (
      <RouteLink to={path("/endpoints", row.properties.endpoint, "/deployments", row.name)}>{row.name}</RouteLink>
    ),
    sort: (row) => row.name,
  },
  {
    label: "Endpoint",
    cell: (row) => <RouteLink to={path("/endpoints", row.properties.endpoint)}>{row.properties.endpoint}</RouteLink>,
    sort: (row) => row.properties.endpoint,
  },
  {
    label: "State",
    cell: (row) => <StateBadge state={stateOf(row.properties)} />,
    sort: (row) => stateOf(row.properties),
    width: "7.5rem",
  },
  {
    label: "Traffic",
    cell: (row) => spokenShare(row),
    sort: (row) => row.properties.traffic,
    width: "5.75rem",
  },
  {
    label: "Instances",
    cell: (row) => <InstanceCount {...row.properties.instances} />,
    sort: (row) => row.properties.instances.ready,
    width: "5.75rem",
  },
  {
    label: "Size",
    cell: (row) => row.properties.instanceType,
    sort: (row) => row.properties.instanceType,
    width: "9rem",
    wide: true,
  },
  {
    label: "Model",
    cell: (row) => spokenVersion(row.properties.model),
    sort: (row) => spokenVersion(row.properties.model),
    wide: true,
  },
  {
    label: "Requests in 1 h",
    cell: (row) => row.properties.requestsLastHour.toLocaleString("en"),
    sort: (row) => row.properties.requestsLastHour,
    width: "7.5rem",
    wide: true,
  },
];
