import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { WarningRegular } from "@fluentui/react-icons";
import type { ReactNode } from "react";
import { type Deployment, type Instance, useInstances } from "../../../api/endpoints";
import { Moment } from "../../../components/Moment";
import { type Column, ResourceTable } from "../../../components/ResourceTable";
import { path, RouteLink } from "../../../components/RouteLink";
import { Section } from "../../../components/Section";
import { StateBadge } from "../../../components/StateBadge";
import { Loaded } from "../../../components/states";
import { spokenEnd, spokenEnforcement, spokenSize, spokenState } from "../life/instances";

const useStyles = makeStyles({
  cell: { padding: `${tokens.spacingVerticalXXS} 0`, overflowWrap: "anywhere" },
  quiet: { color: tokens.colorNeutralForeground2 },
  advice: {
    display: "grid",
    gridTemplateColumns: "auto minmax(0, 1fr)",
    gap: tokens.spacingHorizontalXS,
    padding: `${tokens.spacingVerticalXS} 0`,
    color: tokens.colorStatusWarningForeground3,
  },
});

/** What its instances do, what they are held to, and how they ended. */
export function Instances({ endpoint, deployment }: { endpoint: string; deployment: Deployment }) {
  const query = useInstances(endpoint, deployment.name);
  const page = path("/endpoints", endpoint, "/deployments", deployment.name);
  return (
    <Section title="Instances">
      <Loaded query={query}>
        {(found) =>
          found.length === 0 ? (
            <Text>{spokenNone(deployment)}</Text>
          ) : (
            <ResourceTable label="Instances" rows={found} columns={columnsOf(page)} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
    </Section>
  );
}

/** page: of their deployment. */
function columnsOf(page: string): readonly Column<Instance>[] {
  return [
    {
      label: "Name",
      cell: ({ name, properties }) => <Told text={name} more={<>revision {properties.revision}</>} />,
      sort: ({ name }) => name,
      width: "9rem",
    },
    {
      label: "State",
      cell: (instance) => <State instance={instance} />,
      sort: ({ properties }) => properties.state,
      width: "9rem",
    },
    { label: "Size", cell: (instance) => <Size instance={instance} />, width: "12rem" },
    {
      label: "Restarts",
      cell: ({ properties }) => properties.restarts,
      sort: ({ properties }) => properties.restarts,
      width: "6rem",
    },
    { label: "Last end", cell: (instance) => <LastEnd instance={instance} /> },
    {
      label: "Log",
      action: true,
      width: "4.5rem",
      cell: ({ name }) => (
        <RouteLink to={page} search={{ tab: "logs", instance: name }} aria-label={`Log of the instance ${name}`}>
          Log
        </RouteLink>
      ),
    },
  ];
}

function State({ instance: { properties } }: { instance: Instance }) {
  const { state, since, nextStartAt } = properties;
  const when = nextStartAt ? (
    <>
      starts again <Moment at={nextStartAt} />
    </>
  ) : (
    since && (
      <>
        since <Moment at={since} />
      </>
    )
  );
  return (
    <>
      <Told text={<StateBadge state={state} />} more={spokenState(state)} />
      <Told more={when} />
    </>
  );
}

function Size({ instance: { properties } }: { instance: Instance }) {
  const styles = useStyles();
  const { isolation, advice } = properties;
  const isolated = isolation && isolation !== "none" ? `Isolated by ${isolation}` : "Not isolated from the host";
  return (
    <>
      <Told text={spokenSize(properties)} more={spokenEnforcement(properties)} />
      <Told more={isolation !== undefined && isolated} />
      {advice && (
        <div className={styles.advice}>
          <WarningRegular aria-label="Advice" />
          <Text size={200}>{advice}</Text>
        </div>
      )}
    </>
  );
}

function LastEnd({ instance: { properties } }: { instance: Instance }) {
  const end = properties.lastEnd;
  if (!end) return <>None</>;
  return (
    <Told
      text={spokenEnd(end)}
      more={
        <>
          <Moment at={end.at} />. {end.message}
        </>
      }
    />
  );
}

function Told({ text, more }: { text?: ReactNode; more?: ReactNode }) {
  const styles = useStyles();
  if (!text && !more) return null;
  return (
    <div className={styles.cell}>
      {text}
      {more && (
        <Text block size={200} className={styles.quiet}>
          {more}
        </Text>
      )}
    </div>
  );
}

function spokenNone({ properties, sku: { capacity } }: Deployment): string {
  if (properties.state === "Stopped") return "No instance runs: the deployment is stopped.";
  return `No instance runs; ${capacity} ${capacity === 1 ? "is" : "are"} wanted. The conditions and events below say why.`;
}
