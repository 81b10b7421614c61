import { makeStyles, tokens } from "@fluentui/react-components";
import { RocketRegular } from "@fluentui/react-icons";
import { DEPLOY } from "../../api/permissions";
import { Allowed } from "../../components/Allowed";
import { Page } from "../../components/Page";
import { RouteButton } from "../../components/RouteLink";
import { Counts } from "./Counts";
import { FirstSteps } from "./FirstSteps";
import { InProgress } from "./InProgress";
import { LatestChanges } from "./LatestChanges";
import { Resources } from "./Resources";
import { Troubles } from "./Troubles";

const useStyles = makeStyles({
  columns: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(24rem, 100%), 1fr))",
    gap: tokens.spacingHorizontalL,
    alignItems: "start",
  },
});

/** What is going on, at a glance; each part leads to the page that has it whole. */
export default function Overview() {
  const styles = useStyles();
  return (
    <Page
      title="Overview"
      lead="Your project: flows, endpoints and who may use them."
      actions={
        <Allowed to={DEPLOY} anywhere>
          <RouteButton to="/flows" icon={<RocketRegular />}>
            Deploy a flow
          </RouteButton>
        </Allowed>
      }
    >
      <FirstSteps />
      <Counts />
      <Troubles />
      <div className={styles.columns}>
        <LatestChanges />
        <InProgress />
      </div>
      <Resources />
    </Page>
  );
}
