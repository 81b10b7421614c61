import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { type AuditRecord, placeName, useLatestChanges } from "../../api/audit";
import { Moment } from "../../components/Moment";
import { Panel } from "../../components/Panel";
import { RouteLink } from "../../components/RouteLink";
import { StateBadge } from "../../components/StateBadge";
import { Loaded } from "../../components/states";
import { spokenAction } from "../access/auditWords";

const SHOWN = 8;
const ASKED = 40;
/** Coming and going changes nothing that is worth a line here; the audit log has it. */
const QUIET = new Set(["signIn", "signOut", "makeSignInLink"]);

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalS },
  item: { display: "grid", gridTemplateColumns: "1fr auto", gap: tokens.spacingHorizontalS, overflowWrap: "anywhere" },
  quiet: { color: tokens.colorNeutralForeground2 },
});

export function LatestChanges() {
  const styles = useStyles();
  const query = useLatestChanges(ASKED);
  const all = (
    <RouteLink to="/access" search={{ tab: "audit" }}>
      Audit log
    </RouteLink>
  );
  return (
    <Panel title="Latest changes" more={all}>
      <Loaded query={query}>
        {(found) => {
          const shown = found.filter(({ properties }) => !QUIET.has(properties.action)).slice(0, SHOWN);
          if (shown.length === 0) return <Text className={styles.quiet}>Nothing has been changed yet.</Text>;
          return (
            <ul className={styles.list}>
              {shown.map((record) => (
                <Item key={record.id} record={record} />
              ))}
            </ul>
          );
        }}
      </Loaded>
    </Panel>
  );
}

function Item({ record: { properties } }: { record: AuditRecord }) {
  const styles = useStyles();
  return (
    <li className={styles.item}>
      <span>
        {spokenAction(properties.action)} <Text weight="semibold">{placeName(properties.resourceId)}</Text>
        <Text block size={200} className={styles.quiet}>
          <Moment at={properties.time} /> by {properties.principal}
        </Text>
      </span>
      {properties.outcome !== "Succeeded" && (
        <span>
          <StateBadge state={properties.outcome} />
        </span>
      )}
    </li>
  );
}
