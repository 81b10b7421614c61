import { Text } from "@fluentui/react-components";
import { type Revision, spokenVersion, useRevisions } from "../../../api/endpoints";
import { Moment } from "../../../components/Moment";
import { type Column, ResourceTable } from "../../../components/ResourceTable";
import { Section } from "../../../components/Section";
import { Loaded } from "../../../components/states";

const COLUMNS: readonly Column<Revision>[] = [
  { label: "Revision", cell: ({ name }) => name },
  { label: "Role", cell: ({ properties }) => roleOf(properties), width: "11rem" },
  { label: "Model", cell: ({ properties }) => spokenVersion(properties.model), wide: true },
  {
    label: "Environment",
    cell: ({ properties }) => (properties.environmentId ? spokenVersion(properties.environmentId) : "The flow's own"),
    wide: true,
  },
  { label: "Size", cell: ({ properties }) => `${properties.instanceCount} × ${properties.instanceType}`, wide: true },
  { label: "Since", cell: ({ properties }) => <Moment at={properties.since} />, width: "9rem" },
];

/** The revision that serves, and the one that shall. */
export function Revisions({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  const query = useRevisions(endpoint, deployment);
  return (
    <Section title="Revisions">
      <Loaded query={query}>
        {(found) =>
          found.length === 0 ? (
            <Text>No revision has been started yet.</Text>
          ) : (
            <ResourceTable label="Revisions" rows={found} columns={COLUMNS} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
    </Section>
  );
}

function roleOf({ serving, wanted }: Revision["properties"]): string {
  if (serving && wanted) return "Serves, as wanted";
  if (serving) return "Serves until the next is ready";
  return wanted ? "Wanted, not serving yet" : "Kept";
}
