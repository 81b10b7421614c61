import {
  Button,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  ProgressBar,
  Subtitle1,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { creationOf, deploymentId, isTheServers, useCreations } from "../../api/creations";
import { type Notification, useNotifications } from "../../api/notifications";
import { Moment } from "../../components/Moment";
import { path, RouteButton } from "../../components/RouteLink";
import { StateBadge } from "../../components/StateBadge";
import { Empty, Loaded } from "../../components/states";
import { WithCommands } from "../../components/WithCommands";
import { Stages } from "../../shell/Stages";
import { MendFlow } from "../flows/MendFlow";
import { useFormStyles } from "./layout";

const useStyles = makeStyles({
  progress: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingVerticalL,
    maxWidth: "48rem",
    minWidth: 0,
    overflowWrap: "anywhere",
  },
  title: { margin: 0, outline: "none" },
  unseen: { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)" },
});

const TITLE = "progress-title";
const MEND = "Mend the flow, then go back to the settings and deploy its new version.";

type Props = { endpoint: string; deployment: string; onBack: () => void };

/** The notification of a deployment as a page: what is done, what is under way, what failed and why. */
export function Progress({ endpoint, deployment, onBack }: Props) {
  const query = useNotifications();
  const own = useCreations();
  const id = deploymentId(endpoint, deployment);
  return (
    <Loaded query={query}>
      {(found) => {
        const shown = creationOf(id, own, found);
        if (shown)
          return (
            <Story notification={shown} to={path("/endpoints", endpoint, "/deployments", deployment)} onBack={onBack} />
          );
        return (
          <Empty
            title={`Nothing is known of a deployment ${endpoint}/${deployment}`}
            action={<RouteButton to="/endpoints">Open Models + endpoints</RouteButton>}
          >
            It may have been deleted, or its creation lies more than 30 days back.
          </Empty>
        );
      }}
    </Loaded>
  );
}

function Story({ notification, to, onBack }: { notification: Notification; to: string; onBack: () => void }) {
  const styles = useStyles();
  const form = useFormStyles();
  const { flow = "" } = useParams({ strict: false });
  const { title, status, percentComplete, phase, stages, startTime, endTime, error } = notification.properties;
  const running = status === "InProgress";
  // The button that has begun it is gone.
  useEffect(() => document.getElementById(TITLE)?.focus(), []);
  return (
    <div className={styles.progress}>
      <Subtitle1 as="h2" id={TITLE} tabIndex={-1} className={styles.title}>
        {title}
      </Subtitle1>
      <div className={form.line} role="status">
        <span className={styles.unseen}>{title}</span>
        <StateBadge state={status} />
        <Text className={form.quiet}>
          {running ? "begun " : "ended "}
          <Moment at={endTime ?? startTime} />
        </Text>
      </div>
      {running && <ProgressBar value={percentComplete / 100} aria-label={title} />}
      <Stages stages={stages} phase={running ? phase : ""} />
      {error && <Why error={error} />}
      <MendFlow newTab flow={flow} fault={error} next={MEND} />
      {running && <Text>You may leave this page: the notification at the top right tells how it goes on.</Text>}
      <div className={form.line}>
        {isTheServers(notification) && (
          <RouteButton appearance="primary" to={to}>
            View details
          </RouteButton>
        )}
        {status === "Succeeded" && (
          <RouteButton to={to} search={{ tab: "test" }}>
            Test
          </RouteButton>
        )}
        {status === "Failed" && <Button onClick={onBack}>Back to the settings</Button>}
        <RouteButton to="/endpoints">Models + endpoints</RouteButton>
      </div>
    </div>
  );
}

function Why({ error }: { error: { code: string; message: string } }) {
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>{error.code || "It was not created."}</MessageBarTitle>
        <WithCommands newTab text={error.message} />
      </MessageBarBody>
    </MessageBar>
  );
}
