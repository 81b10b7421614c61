import { Card, makeStyles, ProgressBar, Text, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { useEndpoints } from "../../api/access";
import { stateOf } from "../../api/endpoints";
import { RouteLink } from "../../components/RouteLink";
import { StateBadge } from "../../components/StateBadge";
import { Loaded } from "../../components/states";
import { byState, useDeployments, useUsage } from "./facts";

const NEARLY_FULL = 0.9;

const useStyles = makeStyles({
  cards: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(13rem, 100%), 1fr))",
    gap: tokens.spacingHorizontalL,
  },
  card: { display: "grid", alignContent: "start", gap: tokens.spacingVerticalS },
  states: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalXS },
  state: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalXS },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** How many there are of what, and in which states. */
export function Counts() {
  const styles = useStyles();
  return (
    <section className={styles.cards} aria-label="Counts">
      <Endpoints />
      <Deployments />
      <Instances />
      <Quota />
    </section>
  );
}

function Endpoints() {
  const query = useEndpoints();
  return (
    <Count to="/endpoints" label="Endpoints">
      <Loaded query={query}>
        {(found) => (
          <>
            <Figure>{found.length}</Figure>
            <States states={found.map(({ properties }) => properties.provisioningState)} />
          </>
        )}
      </Loaded>
    </Count>
  );
}

function Deployments() {
  const query = useDeployments();
  return (
    <Count to="/endpoints" label="Deployments">
      <Loaded query={query}>
        {(found) => (
          <>
            <Figure>{found.length}</Figure>
            <States states={found.map(({ properties }) => stateOf(properties))} />
          </>
        )}
      </Loaded>
    </Count>
  );
}

function Instances() {
  const styles = useStyles();
  const query = useDeployments();
  return (
    <Count to="/endpoints" label="Instances">
      <Loaded query={query}>
        {(found) => {
          const sum = (of: (deployment: (typeof found)[number]) => number) =>
            found.reduce((total, each) => total + of(each), 0);
          const [ready, asleep, wanted] = [
            sum(({ properties }) => properties.instances.ready),
            sum(({ properties }) => properties.instances.asleep),
            sum(({ properties }) => properties.instances.wanted),
          ];
          const requests = sum(({ properties }) => properties.requestsLastHour);
          return (
            <>
              <Figure>{wanted === 0 ? 0 : `${ready} of ${wanted} ready`}</Figure>
              {asleep > 0 && <Text>{asleep} asleep, until somebody asks them</Text>}
              <Text size={200} className={styles.quiet}>
                {requests.toLocaleString("en")} {requests === 1 ? "request" : "requests"} within the last hour
              </Text>
            </>
          );
        }}
      </Loaded>
    </Count>
  );
}

function Quota() {
  const styles = useStyles();
  const query = useUsage();
  return (
    <Count to="/settings" search={{ tab: "quota" }} label="Quota">
      <Loaded query={query}>
        {(rows) => {
          const cores = rows.find(({ name }) => name.value === "cores");
          const [used, limit] = [cores?.currentValue ?? 0, cores?.limit ?? 0];
          const share = limit ? used / limit : 0;
          return (
            <>
              <Figure>
                {used} of {limit} cores
              </Figure>
              <ProgressBar
                value={share}
                color={share >= NEARLY_FULL ? "warning" : "brand"}
                thickness="large"
                aria-label={`${used} of ${limit} cores are used`}
              />
              <Text size={200} className={styles.quiet}>
                With the 20% that upgrades reserve
              </Text>
            </>
          );
        }}
      </Loaded>
    </Count>
  );
}

type CountProps = { to: string; search?: Record<string, string>; label: string; children: ReactNode };

function Count({ to, search, label, children }: CountProps) {
  const styles = useStyles();
  return (
    <Card className={styles.card}>
      <RouteLink to={to} {...(search && { search })}>
        {label}
      </RouteLink>
      {children}
    </Card>
  );
}

function Figure({ children }: { children: ReactNode }) {
  return (
    <Text size={600} weight="semibold">
      {children}
    </Text>
  );
}

function States({ states }: { states: string[] }) {
  const styles = useStyles();
  return (
    <span className={styles.states}>
      {byState(states).map(({ state, count }) => (
        <span key={state} className={styles.state}>
          {count} <StateBadge state={state} />
        </span>
      ))}
    </span>
  );
}
