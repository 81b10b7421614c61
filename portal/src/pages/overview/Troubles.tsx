import { MessageBar, MessageBarBody, MessageBarTitle, makeStyles } from "@fluentui/react-components";
import { path, RouteLink } from "../../components/RouteLink";
import { type Deployment, useDeployments } from "./facts";

const MOST_SHOWN = 5;
const useStyles = makeStyles({ said: { overflowWrap: "anywhere" } });

/** Deployments that have failed, that have fewer instances than they should, or that callers miss. */
export function Troubles() {
  const styles = useStyles();
  const found = (useDeployments().data ?? []).filter((each) => troubleOf(each) !== "");
  return found.slice(0, MOST_SHOWN).map((each) => (
    <MessageBar key={each.id} intent="warning" layout="multiline">
      <MessageBarBody className={styles.said}>
        <MessageBarTitle>
          {each.properties.endpoint}/{each.name}
        </MessageBarTitle>
        {troubleOf(each)}{" "}
        <RouteLink inline to={path("/endpoints", each.properties.endpoint, "/deployments", each.name)}>
          View details
        </RouteLink>
      </MessageBarBody>
    </MessageBar>
  ));
}

function troubleOf({ properties }: Deployment): string {
  const { provisioningState, provisioningError, instances, state, traffic } = properties;
  if (provisioningState === "Failed") return `Failed. ${provisioningError?.message?.split("\n")[0] ?? ""}`;
  if (state === "Stopped")
    return traffic > 0 ? `It is stopped: ${traffic} % of the endpoint's requests are answered 503.` : "";
  if (provisioningState !== "Succeeded" || instances.ready + instances.asleep >= instances.wanted) return "";
  return `${instances.ready} of ${instances.wanted} instances are ready.`;
}
