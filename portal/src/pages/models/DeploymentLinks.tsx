import { Text } from "@fluentui/react-components";
import { Fragment } from "react";
import type { DeploymentRow } from "../../api/endpoints";
import { path, RouteLink } from "../../components/RouteLink";

/** Deployments by name, as links; of many the first ones and how many more there are. */
export function DeploymentLinks({ deployments, most = 3 }: { deployments: readonly DeploymentRow[]; most?: number }) {
  if (deployments.length === 0) return <Text>No deployment</Text>;
  return (
    <span>
      {deployments.slice(0, most).map(({ id, name, properties }, index) => (
        <Fragment key={id}>
          {index > 0 && ", "}
          <RouteLink to={path("/endpoints", properties.endpoint, "/deployments", name)}>
            {properties.endpoint}/{name}
          </RouteLink>
          {properties.state === "Stopped" && " (stopped)"}
        </Fragment>
      ))}
      {deployments.length > most && ` and ${deployments.length - most} more`}
    </span>
  );
}
