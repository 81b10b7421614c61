import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useMemo, useState } from "react";
import { type Deployment, type Revision, useRevisions } from "../../../api/endpoints";
import { Allowed } from "../../../components/Allowed";
import { Moment } from "../../../components/Moment";
import { type Column, ResourceTable } from "../../../components/ResourceTable";
import { Section } from "../../../components/Section";
import { StateBadge } from "../../../components/StateBadge";
import { Loaded } from "../../../components/states";
import { wordsOf } from "../../deploy/changes";
import { RollBack } from "../life/RollBack";

const useStyles = makeStyles({
  name: { color: tokens.colorNeutralForeground2, fontFamily: tokens.fontFamilyMonospace },
  changed: { padding: `${tokens.spacingVerticalS} 0`, "@media (max-width: 640px)": { padding: 0 } },
  changes: { listStyle: "none", margin: 0, padding: 0, overflowWrap: "anywhere" },
  why: { color: tokens.colorPaletteRedForeground1, whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
});

type Props = { endpoint: string; deployment: Deployment };

/** What its instances have run, run and shall run, what has changed each time, and the way back. */
export function Revisions({ endpoint, deployment }: Props) {
  const query = useRevisions(endpoint, deployment.name);
  const [asked, setAsked] = useState<Revision | null>(null);
  const isGoing = deployment.properties.provisioningState === "Deleting";
  const isStopped = deployment.properties.state === "Stopped";
  const newest = query.data?.[0]?.id;
  const columns = useMemo(
    () => columnsOf(deployment.id, isStopped, (revision) => !isGoing && revision.id !== newest, setAsked),
    [deployment.id, isStopped, isGoing, newest],
  );
  return (
    <Section title="Revisions">
      <Loaded query={query}>
        {(found) =>
          found.length === 0 ? (
            <Text>No revision has been started yet.</Text>
          ) : (
            <ResourceTable label="Revisions" rows={found} columns={columns} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
      {asked && (
        <RollBack endpoint={endpoint} deployment={deployment} revision={asked} onClose={() => setAsked(null)} />
      )}
    </Section>
  );
}

function columnsOf(
  id: string,
  isStopped: boolean,
  canGoBack: (revision: Revision) => boolean,
  ask: (revision: Revision) => void,
): readonly Column<Revision>[] {
  return [
    { label: "Revision", cell: (revision) => <Name revision={revision} />, width: "7.5rem" },
    {
      label: "State",
      cell: ({ properties: { state } }) => <StateBadge state={isStopped && state === "Target" ? "Stopped" : state} />,
      width: "8.5rem",
    },
    { label: "What changed", cell: (revision) => <Changed revision={revision} /> },
    { label: "Created", cell: (revision) => <Created revision={revision} />, width: "9rem" },
    {
      label: "Way back",
      action: true,
      width: "6.5rem",
      cell: (revision) =>
        canGoBack(revision) && (
          <Allowed to="onlineEndpoints/deployments/rollback/action" on={id}>
            <Button
              size="small"
              aria-label={`Roll back to revision ${revision.properties.number}`}
              onClick={() => ask(revision)}
            >
              Roll back
            </Button>
          </Allowed>
        ),
    },
  ];
}

function Name({ revision: { name, properties } }: { revision: Revision }) {
  const styles = useStyles();
  return (
    <div>
      {properties.number}
      <Text block size={200} className={styles.name}>
        {name}
      </Text>
    </div>
  );
}

function Created({ revision: { properties } }: { revision: Revision }) {
  return (
    <span>
      <Moment at={properties.createdAt} /> by {properties.createdBy}
    </span>
  );
}

function Changed({ revision: { properties } }: { revision: Revision }) {
  const styles = useStyles();
  const { changes, error } = properties;
  return (
    <div className={styles.changed}>
      {changes.length === 0 ? (
        <Text>{properties.number === 1 ? "Created" : "The oldest that is kept"}</Text>
      ) : (
        <ul className={styles.changes}>
          {changes.map((change) => (
            <li key={change.field}>{wordsOf(change)}</li>
          ))}
        </ul>
      )}
      {error && (
        <Text block size={200} className={styles.why}>
          {error.code}: {error.message.split("\n")[0]}
        </Text>
      )}
    </div>
  );
}
