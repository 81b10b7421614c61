import { Text } from "@fluentui/react-components";
import { type Deployment, type Instance, useInstances } from "../../../api/endpoints";
import { Moment } from "../../../components/Moment";
import { type Column, ResourceTable } from "../../../components/ResourceTable";
import { Section } from "../../../components/Section";
import { StateBadge } from "../../../components/StateBadge";
import { Loaded } from "../../../components/states";

const COLUMNS: readonly Column<Instance>[] = [
  { label: "Name", cell: ({ name }) => name, sort: ({ name }) => name },
  {
    label: "State",
    cell: ({ properties }) => <StateBadge state={properties.state} />,
    sort: ({ properties }) => properties.state,
    width: "8rem",
  },
  { label: "Revision", cell: ({ properties }) => properties.revision, wide: true },
  {
    label: "Restarts",
    cell: ({ properties }) => properties.restarts,
    sort: ({ properties }) => properties.restarts,
    width: "6.5rem",
  },
  { label: "Since", cell: ({ properties }) => <Moment at={properties.since} />, width: "9rem", wide: true },
  { label: "Isolation", cell: ({ properties }) => properties.isolation || "Unknown", wide: true },
];

export function Instances({ endpoint, deployment }: { endpoint: string; deployment: Deployment }) {
  const query = useInstances(endpoint, deployment.name);
  return (
    <Section title="Instances">
      <Loaded query={query}>
        {(found) =>
          found.length === 0 ? (
            <Text>{spokenNone(deployment)}</Text>
          ) : (
            <ResourceTable label="Instances" rows={found} columns={COLUMNS} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
    </Section>
  );
}

function spokenNone({ properties, sku: { capacity } }: Deployment): string {
  if (properties.state === "Stopped") return "No instance runs: the deployment is stopped.";
  return `No instance runs; ${capacity} ${capacity === 1 ? "is" : "are"} wanted. The conditions and events below say why.`;
}
