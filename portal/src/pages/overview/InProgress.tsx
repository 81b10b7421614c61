import { makeStyles, ProgressBar, Text, tokens } from "@fluentui/react-components";
import { endpointOf, type Notification, useNotifications } from "../../api/notifications";
import { Moment } from "../../components/Moment";
import { Panel } from "../../components/Panel";
import { path, RouteLink } from "../../components/RouteLink";
import { StateBadge } from "../../components/StateBadge";
import { Loaded } from "../../components/states";

const SHOWN = 6;

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalM },
  item: { display: "grid", gap: tokens.spacingVerticalXXS, overflowWrap: "anywhere" },
  line: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalS },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** Deployments and other long work: what is running, then what has ended last. */
export function InProgress() {
  const styles = useStyles();
  const query = useNotifications();
  return (
    <Panel title="Operations">
      <Loaded query={query}>
        {(found) =>
          found.length === 0 ? (
            <Text className={styles.quiet}>Deployments and other long work are told of here.</Text>
          ) : (
            <ul className={styles.list}>
              {[...found]
                .sort((a, b) => Number(isRunning(b)) - Number(isRunning(a)))
                .slice(0, SHOWN)
                .map((each) => (
                  <Item key={each.id} notification={each} />
                ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Item({ notification }: { notification: Notification }) {
  const styles = useStyles();
  const { properties } = notification;
  return (
    <li className={styles.item}>
      <Title notification={notification} />
      <span className={styles.line}>
        <StateBadge state={properties.status} />
        <Text size={200} className={styles.quiet}>
          <Moment at={properties.endTime ?? properties.startTime} />
        </Text>
      </span>
      {isRunning(notification) && (
        <ProgressBar value={properties.percentComplete / 100} aria-label={notification.properties.title} />
      )}
    </li>
  );
}

function Title({ notification }: { notification: Notification }) {
  const { resourceId, operation } = notification.properties;
  const named = endpointOf(resourceId);
  if (!named || operation === "Delete") return <Text>{notification.properties.title}</Text>;
  const to = named.deployment
    ? path("/endpoints", named.endpoint, "/deployments", named.deployment)
    : path("/endpoints", named.endpoint);
  return <RouteLink to={to}>{notification.properties.title}</RouteLink>;
}

function isRunning({ properties }: Notification): boolean {
  return properties.status === "InProgress";
}
