import { makeStyles, ProgressBar, Text, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { api, at, body, SITE } from "../../api/client";
import { endpointOf, useNotifications } from "../../api/notifications";
import { keyOf } from "../../api/queries";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { RouteLink } from "../../components/RouteLink";
import { StateBadge } from "../../components/StateBadge";
import { type Use, userOf } from "./uses";

const useStyles = makeStyles({
  state: { display: "grid", gap: tokens.spacingVerticalXXS, padding: `${tokens.spacingVerticalXS} 0` },
});

const COLUMNS: Column<Use>[] = [
  { label: "Name", cell: Name, sort: (use) => userOf(use).label },
  { label: "Kind", cell: (use) => userOf(use).kind, sort: (use) => userOf(use).kind },
  { label: "Where", cell: (use) => whereOf(use), wide: true },
  { label: "State", cell: State },
];

/** Who uses a connection, and how far each is with the present secret. */
export function UsedBy({ uses }: { uses: readonly Use[] }) {
  if (uses.length === 0) {
    return <Text>No deployment uses it, and no flow names it.</Text>;
  }
  return <ResourceTable label="Used by" rows={uses} columns={COLUMNS} keyOf={(use) => use.id} />;
}

function Name(use: Use) {
  const { label, to } = userOf(use);
  return <RouteLink to={to}>{label}</RouteLink>;
}

function whereOf({ name, properties }: Use): string {
  const aliases = properties.called.filter((each) => each.toLowerCase() !== name.toLowerCase());
  const standing = aliases.length > 0 ? ` (stands for ${aliases.join(", ")})` : "";
  return `${properties.by.join(", ") || "–"}${standing}`;
}

function State(use: Use) {
  const named = endpointOf(use.properties.userId);
  if (!named?.deployment) return <>–</>;
  return <DeploymentState {...named} id={use.properties.userId} />;
}

type Deployment = { properties: { provisioningState: string; provisioningError?: { message: string } } };

function DeploymentState({ endpoint, deployment, id }: { endpoint: string; deployment: string; id: string }) {
  const styles = useStyles();
  const query = useQuery({
    queryKey: keyOf(id),
    queryFn: () =>
      body(
        api.GET(`${SITE}/onlineEndpoints/{endpoint}/deployments/{deployment}`, {
          params: { path: at({ endpoint, deployment }) },
        }),
      ) as Promise<Deployment>,
  });
  const running = useNotifications().data?.find(
    (each) => each.properties.status === "InProgress" && each.properties.resourceId.toLowerCase() === id.toLowerCase(),
  );
  if (!query.data) return <>–</>;
  const { provisioningState, provisioningError } = query.data.properties;
  return (
    <div className={styles.state}>
      <span title={provisioningError?.message ?? ""}>
        <StateBadge state={provisioningState} />
      </span>
      {running && (
        <ProgressBar
          value={running.properties.percentComplete / 100}
          aria-label={`Rollout of ${endpoint}/${deployment}`}
        />
      )}
    </div>
  );
}
