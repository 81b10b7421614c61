import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { SUBSCRIPTION_ID } from "../../api/client";
import { useRefusal } from "../../api/may";
import type { Who } from "./people";

const useStyles = makeStyles({
  who: { display: "grid", minWidth: 0 },
  name: { overflow: "hidden", textOverflow: "ellipsis" },
  kind: { color: tokens.colorNeutralForeground2 },
});

/** A person, a program or an identity, by name and kind. */
export function WhoCell({ who }: { who: Who }) {
  const styles = useStyles();
  const unseen = useRefusal("principals/read", SUBSCRIPTION_ID) !== null;
  return (
    <span className={styles.who}>
      <Text className={styles.name} title={who.name}>
        {who.name}
      </Text>
      <Text size={200} className={styles.kind}>
        {who.kind === "Unknown" ? (unseen ? "Your roles do not show names" : "Not known here") : who.kind}
      </Text>
    </span>
  );
}
