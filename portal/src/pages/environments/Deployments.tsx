import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { all } from "../../api/client";
import { stateOf } from "../../api/endpoints";
import { endpointOf } from "../../api/notifications";
import { keyOf } from "../../api/queries";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { path, RouteLink } from "../../components/RouteLink";
import { StateBadge } from "../../components/StateBadge";
import { Loaded } from "../../components/states";

type Deployment = {
  id: string;
  properties: {
    environmentId?: string | null;
    provisioningState: string;
    state: string;
    provisioningError?: { code: string; message: string };
  };
};

const useStyles = makeStyles({
  why: {
    display: "block",
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    color: tokens.colorPaletteRedForeground1,
  },
});

const COLUMNS: Column<Deployment>[] = [
  { label: "Deployment", cell: Name, sort: nameOf },
  { label: "Version", cell: versionOf, sort: versionOf },
  { label: "State", cell: (each) => <StateBadge state={stateOf(each.properties)} /> },
  { label: "What failed", cell: Why, width: "50%" },
];

/** The deployments that start from the environment. */
export function Deployments({ environmentId }: { environmentId: string }) {
  const query = useQuery({
    queryKey: keyOf("/onlineEndpoints", "deployments"),
    queryFn: () => all<Deployment>("/onlineDeployments"),
  });
  const below = `${environmentId}/versions/`.toLowerCase();
  return (
    <Loaded query={query}>
      {(deployments) => {
        const users = deployments.filter((each) => each.properties.environmentId?.toLowerCase().startsWith(below));
        if (users.length === 0) return <Text>No deployment starts from it.</Text>;
        return (
          <ResourceTable label="Deployments that use it" rows={users} columns={COLUMNS} keyOf={(each) => each.id} />
        );
      }}
    </Loaded>
  );
}

function nameOf({ id }: Deployment): string {
  const named = endpointOf(id);
  return named ? `${named.endpoint}/${named.deployment}` : id;
}

function Name(deployment: Deployment) {
  const named = endpointOf(deployment.id);
  if (!named) return <>{deployment.id}</>;
  return (
    <RouteLink to={path("/endpoints", named.endpoint, "/deployments", named.deployment)}>
      {nameOf(deployment)}
    </RouteLink>
  );
}

function versionOf({ properties }: Deployment): string {
  return properties.environmentId?.split("/versions/")[1] ?? "";
}

function Why({ properties }: Deployment) {
  const styles = useStyles();
  if (!properties.provisioningError) return <>–</>;
  const { code, message } = properties.provisioningError;
  return (
    <Text size={200} className={styles.why}>
      {code}: {message}
    </Text>
  );
}
