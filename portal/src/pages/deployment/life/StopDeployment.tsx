import { MessageBar, MessageBarBody, makeStyles, Text, tokens } from "@fluentui/react-components";
import { type Deployment, useEndpoint } from "../../../api/endpoints";
import { FormDialog } from "../../../components/FormDialog";
import { path, RouteLink } from "../../../components/RouteLink";
import { plural } from "../../deploy/quota";
import { missedBy, stop } from "./power";

const useStyles = makeStyles({ list: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL } });

type Props = { endpoint: string; deployment: Deployment; onClose: () => void };

/** Mounted while open. */
export function StopDeployment({ endpoint, deployment: { name, sku }, onClose }: Props) {
  const styles = useStyles();
  const shares = useEndpoint(endpoint).data?.resource.properties ?? null;
  const isMissed = (shares?.traffic[name] ?? 0) > 0;
  return (
    <FormDialog
      title={`Stop ${name}?`}
      action="Stop"
      refusal="It was not stopped."
      isBrief
      onSubmit={() => stop(endpoint, name)}
      onClose={onClose}
    >
      <MessageBar intent={isMissed ? "warning" : "info"} layout="multiline">
        <MessageBarBody>
          {missedBy(name, shares)}
          {isMissed && (
            <>
              {" "}
              To keep callers served, give its share to another deployment first:{" "}
              <RouteLink inline to={path("/endpoints", endpoint)}>
                {`traffic of ${endpoint}`}
              </RouteLink>
              .
            </>
          )}
        </MessageBarBody>
      </MessageBar>
      <ul className={styles.list}>
        <li>
          {plural(sku.capacity, "instance")} {sku.capacity === 1 ? "ends" : "end"} after the requests that are under
          way.
        </li>
        <li>Its settings, revisions, logs and share of the traffic stay.</li>
        <li>It takes no cores of the quota until it is started again.</li>
      </ul>
      <Text>Start brings the instances back, as its settings are by then.</Text>
    </FormDialog>
  );
}
