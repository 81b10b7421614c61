import { MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle, makeStyles } from "@fluentui/react-components";
import { useEndpoint } from "../../../api/endpoints";
import { missedBy } from "./power";
import { StartButton } from "./StartButton";

const useStyles = makeStyles({ said: { overflowWrap: "anywhere" } });

/** That it is stopped, what its callers get, and the way back. */
export function StoppedBar({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  const styles = useStyles();
  const shares = useEndpoint(endpoint).data?.resource.properties ?? null;
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody className={styles.said}>
        <MessageBarTitle>This deployment is stopped.</MessageBarTitle>
        {missedBy(deployment, shares)}
      </MessageBarBody>
      <MessageBarActions>
        <StartButton endpoint={endpoint} deployment={deployment} />
      </MessageBarActions>
    </MessageBar>
  );
}
