import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { titleOf } from "../scopes";
import type { StepProps } from "./draft";

const useStyles = makeStyles({
  facts: {
    display: "grid",
    gridTemplateColumns: "minmax(6rem, max-content) 1fr",
    gap: `${tokens.spacingVerticalM} ${tokens.spacingHorizontalXL}`,
    margin: 0,
    "& dd": { margin: 0, minWidth: 0, overflowWrap: "anywhere" },
    "& dt": { fontWeight: tokens.fontWeightSemibold },
  },
  list: { margin: 0, padding: 0, listStyle: "none", display: "grid", gap: tokens.spacingVerticalXS },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** All of it before it is granted. */
export function ReviewStep({ draft }: StepProps) {
  const styles = useStyles();
  return (
    <dl className={styles.facts}>
      <dt>Role</dt>
      <dd>{draft.role?.properties.roleName}</dd>
      <dt>Scope</dt>
      <dd>
        {titleOf(draft.scope)}
        <Text block size={200} className={styles.quiet}>
          {draft.scope.id}
        </Text>
      </dd>
      <dt>Members</dt>
      <dd>
        <ul className={styles.list} aria-label="Members">
          {draft.members.map(({ objectId, name, kind }) => (
            <li key={objectId}>
              {name}
              <Text block size={200} className={styles.quiet}>
                {kind}, object id {objectId}
              </Text>
            </li>
          ))}
        </ul>
      </dd>
      <dt>When</dt>
      <dd>It holds from the next request on.</dd>
    </dl>
  );
}
