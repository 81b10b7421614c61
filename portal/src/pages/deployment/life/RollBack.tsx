import { MessageBar, MessageBarBody, makeStyles, Text, tokens } from "@fluentui/react-components";
import { type Deployment, type Revision, useRevisions } from "../../../api/endpoints";
import { FormDialog } from "../../../components/FormDialog";
import { wordsOf } from "../../deploy/changes";
import { plural } from "../../deploy/quota";
import { changesBackTo, rollBack } from "./revisions";

const useStyles = makeStyles({
  part: { display: "grid", gap: tokens.spacingVerticalXS },
  list: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL, overflowWrap: "anywhere" },
  said: { overflowWrap: "anywhere", whiteSpace: "pre-wrap" },
});

type Props = { endpoint: string; deployment: Deployment; revision: Revision; onClose: () => void };

/** What comes back and what stays, before it is done. Mounted while open. */
export function RollBack({ endpoint, deployment, revision, onClose }: Props) {
  const styles = useStyles();
  const { number, error } = revision.properties;
  const revisions = useRevisions(endpoint, deployment.name).data ?? [];
  const changes = changesBackTo(revision, revisions);
  return (
    <FormDialog
      title={`Roll back to revision ${number}?`}
      action="Roll back"
      refusal="It was not rolled back."
      isBrief
      onSubmit={() => rollBack(endpoint, deployment.name, number)}
      onClose={onClose}
    >
      {error && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody className={styles.said}>
            This revision never served: {error.message.split("\n")[0]}
          </MessageBarBody>
        </MessageBar>
      )}
      <section className={styles.part} aria-label="What comes back">
        <Text weight="semibold">What comes back</Text>
        {changes.length === 0 ? (
          <Text>Nothing that comes back differs from what is wanted now.</Text>
        ) : (
          <ul className={styles.list}>
            {changes.map((change) => (
              <li key={change.field}>{wordsOf(change)}</li>
            ))}
          </ul>
        )}
      </section>
      <section className={styles.part} aria-label="What stays">
        <Text weight="semibold">What stays</Text>
        <ul className={styles.list}>
          <li>
            {plural(deployment.sku.capacity, "instance")}, the share of the traffic, the endpoint's keys and address
          </li>
          <li>When instances sleep, the version of Flowstead, description and tags</li>
        </ul>
      </section>
      <Text>{meanwhile(deployment)}</Text>
    </FormDialog>
  );
}

function meanwhile({ properties }: Deployment): string {
  if (properties.state === "Stopped") return "It is stopped and stays so: what comes back runs once it is started.";
  return "The present instances answer until those of the revision are ready: no request fails by it. It becomes a new revision, so this can be undone in the same way.";
}
