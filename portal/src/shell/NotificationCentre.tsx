import {
  Button,
  CounterBadge,
  DrawerBody,
  DrawerHeader,
  DrawerHeaderTitle,
  makeStyles,
  OverlayDrawer,
  ProgressBar,
  Text,
  Tooltip,
  tokens,
} from "@fluentui/react-components";
import { AlertRegular, DismissRegular } from "@fluentui/react-icons";
import { useEffect, useRef, useState } from "react";
import { isTheServers } from "../api/creations";
import { endpointOf, type Notification, useNotifications } from "../api/notifications";
import { Moment } from "../components/Moment";
import { path, RouteLink } from "../components/RouteLink";
import { StateBadge } from "../components/StateBadge";
import { Empty, Loaded } from "../components/states";
import { useToasts } from "../components/toasts";
import { FocusBack } from "../components/useFocusBack";
import { WithCommands } from "../components/WithCommands";
import { Stages } from "./Stages";

const MOST_SHOWN = 50;

const useStyles = makeStyles({
  list: { display: "grid", gap: tokens.spacingVerticalM, padding: 0, margin: 0, listStyle: "none" },
  item: {
    display: "grid",
    gap: tokens.spacingVerticalXS,
    padding: tokens.spacingHorizontalM,
    borderRadius: tokens.borderRadiusMedium,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    overflowWrap: "anywhere",
  },
  line: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "center", flexWrap: "wrap" },
  quiet: { color: tokens.colorNeutralForeground2 },
  why: { color: tokens.colorPaletteRedForeground1, fontSize: tokens.fontSizeBase200 },
  bell: { position: "relative" },
  count: { position: "absolute", top: "-2px", right: "-2px" },
});

export function NotificationCentre() {
  const styles = useStyles();
  const [open, setOpen] = useState(false);
  const query = useNotifications();
  const running = (query.data ?? []).filter(({ properties }) => properties.status === "InProgress").length;
  useEndings(query.data);
  return (
    <>
      <Tooltip content={running ? `Notifications, ${running} in progress` : "Notifications"} relationship="label">
        <Button
          appearance="subtle"
          className={styles.bell}
          onClick={() => setOpen(true)}
          icon={
            <>
              <AlertRegular />
              {running > 0 && <CounterBadge className={styles.count} count={running} size="small" color="brand" />}
            </>
          }
        />
      </Tooltip>
      <OverlayDrawer open={open} onOpenChange={(_, change) => setOpen(change.open)} position="end" size="small">
        <DrawerHeader>
          <DrawerHeaderTitle
            action={
              <Button
                appearance="subtle"
                icon={<DismissRegular />}
                aria-label="Close notifications"
                onClick={() => setOpen(false)}
              />
            }
          >
            Notifications
          </DrawerHeaderTitle>
        </DrawerHeader>
        <FocusBack />
        <DrawerBody>
          <Loaded query={query}>
            {(found) =>
              found.length === 0 ? (
                <Empty title="No notifications">Deployments and other long work are told of here.</Empty>
              ) : (
                <ul className={styles.list}>
                  {found.slice(0, MOST_SHOWN).map((each) => (
                    <Item key={each.id} notification={each} onLeave={() => setOpen(false)} />
                  ))}
                </ul>
              )
            }
          </Loaded>
        </DrawerBody>
      </OverlayDrawer>
    </>
  );
}

function Item({ notification, onLeave }: { notification: Notification; onLeave: () => void }) {
  const styles = useStyles();
  const { properties } = notification;
  const details = pageOf(notification);
  return (
    <li className={styles.item}>
      <Text weight="semibold">{properties.title}</Text>
      <div className={styles.line}>
        <StateBadge state={properties.status} />
        <Text size={200} className={styles.quiet}>
          <Moment at={properties.endTime ?? properties.startTime} />
        </Text>
      </div>
      {properties.status === "InProgress" && (
        <ProgressBar value={properties.percentComplete / 100} aria-label={properties.title} />
      )}
      <Stages stages={properties.stages} phase={properties.status === "InProgress" ? properties.phase : ""} />
      {properties.error && (
        <div className={styles.why}>
          <WithCommands text={`${properties.error.code}: ${properties.error.message}`} onFollow={onLeave} />
        </div>
      )}
      {details && (
        <RouteLink to={details} onFollow={onLeave}>
          View details
        </RouteLink>
      )}
    </li>
  );
}

/** The page of what the notification is of; "" when there is none. */
function pageOf(notification: Notification): string {
  const { operation, resourceId } = notification.properties;
  const named = endpointOf(resourceId);
  if (!named || operation === "delete" || !isTheServers(notification)) return "";
  if (!named.deployment) return path("/endpoints", named.endpoint);
  return path("/endpoints", named.endpoint, "/deployments", named.deployment);
}

/** A toast for each operation that ends while the portal is open. */
function useEndings(found: Notification[] | undefined): void {
  const toasts = useToasts();
  const running = useRef(new Set<string>());
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each answer
  useEffect(() => {
    for (const each of found ?? []) {
      const { status, error } = each.properties;
      // By its operation: what this page begins the server goes on with.
      const key = each.name || each.id;
      if (status === "InProgress") running.current.add(key);
      else if (running.current.delete(key)) {
        const { title } = each.properties;
        if (status === "Succeeded") toasts.done(`${title}: succeeded`, pageOf(each));
        else if (status === "Failed")
          toasts.failed(`${title}: failed`, new Error(error?.message.split("\n")[0] ?? ""), pageOf(each));
      }
    }
  }, [found]);
}
