import { MessageBar, MessageBarBody, makeStyles, Text, tokens } from "@fluentui/react-components";
import { type Change, type Deployment, type Revision, useRevisions } from "../../../api/endpoints";
import { FormDialog } from "../../../components/FormDialog";
import { wordsOf } from "../../deploy/changes";
import { plural } from "../../deploy/quota";
import { changesBetween, rollBack } from "./revisions";

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
  const wanted = revisions[0];
  const serving = revisions.find(({ properties }) => properties.state === "Serving");
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
        <Changes
          changes={wanted ? changesBetween(wanted, revision, revisions) : []}
          none="Nothing that comes back differs from what is wanted now."
        />
      </section>
      {serving && serving.id !== wanted?.id && (
        <section className={styles.part} aria-label="What callers notice">
          <Text weight="semibold">What callers notice</Text>
          {serving.id !== revision.id && (
            <Text>Revision {serving.properties.number} serves them now. Against that:</Text>
          )}
          <Changes
            changes={changesBetween(serving, revision, revisions)}
            none={
              serving.id === revision.id
                ? "Nothing: it is what serves them now."
                : "Nothing: it has the same settings and model."
            }
          />
        </section>
      )}
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

function Changes({ changes, none }: { changes: readonly Change[]; none: string }) {
  const styles = useStyles();
  if (changes.length === 0) return <Text>{none}</Text>;
  return (
    <ul className={styles.list}>
      {changes.map((change) => (
        <li key={change.field}>{wordsOf(change)}</li>
      ))}
    </ul>
  );
}

function meanwhile({ properties }: Deployment): string {
  if (properties.state === "Stopped") return "It is stopped and stays so: what comes back runs once it is started.";
  return "The present instances answer until those of the revision are ready: no request fails by it. It becomes a new revision, so this can be undone in the same way.";
}
