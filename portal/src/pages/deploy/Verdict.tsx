import {
  Badge,
  Button,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  Spinner,
  Subtitle2,
  Text,
  tokens,
} from "@fluentui/react-components";
import {
  AddCircleRegular,
  ArrowSyncCircleRegular,
  CheckmarkCircleRegular,
  DismissCircleRegular,
} from "@fluentui/react-icons";
import type { UseQueryResult } from "@tanstack/react-query";
import { forPeople } from "../../api/client";
import { Failure } from "../../components/states";
import { WithCommands } from "../../components/WithCommands";
import { wordsOf } from "./changes";
import { useFormStyles } from "./layout";
import { isLater, type Plan, type Planned, type Told, told } from "./plan";

const LOOKS = {
  create: { color: "success", icon: <AddCircleRegular /> },
  overwrite: { color: "warning", icon: <ArrowSyncCircleRegular /> },
  unchanged: { color: "subtle", icon: <CheckmarkCircleRegular /> },
  refused: { color: "danger", icon: <DismissCircleRegular /> },
} as const;

const LATER = "Until then the deployment can be created, and will fail; create it again once the role is granted.";

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalS },
  row: { display: "grid", gap: tokens.spacingVerticalXS, overflowWrap: "anywhere" },
  changes: { margin: 0, paddingLeft: tokens.spacingHorizontalXXL },
});

/** What Create would do, as the server sees it now. */
export function Verdict({ query, isNew }: { query: UseQueryResult<Plan>; isNew: boolean }) {
  const styles = useStyles();
  const form = useFormStyles();
  const plan = query.data;
  return (
    <section className={form.group} aria-labelledby="verdict">
      <Subtitle2 as="h3" className={form.heading} id="verdict">
        What will happen
      </Subtitle2>
      {query.isError && (
        <Failure
          failure={query.error}
          title="What will happen could not be found out."
          retry={() => void query.refetch()}
        />
      )}
      {query.isPending && <Spinner size="tiny" labelPosition="after" label="Asking the server" />}
      {plan && (
        <>
          <ul className={styles.list} aria-label="What will happen">
            {told(plan, isNew).map((each) => (
              <Row key={each.about} {...each} />
            ))}
          </ul>
          <Text className={form.quiet}>
            Cores, with the upgrade reserve: {plan.quota.taken} → {plan.quota.takenAfter} of {plan.quota.limit}.
          </Text>
          {plan.resources.map(({ id, refusal }) => refusal && <Refused key={id} refusal={refusal} query={query} />)}
        </>
      )}
    </section>
  );
}

function Row({ row, about, verb }: Told) {
  const styles = useStyles();
  const form = useFormStyles();
  const changes = row.action === "overwrite" ? (row.changes ?? []) : [];
  return (
    <li className={styles.row}>
      <span className={form.line}>
        <Text>{about}</Text>
        <Badge appearance="tint" {...LOOKS[row.action]}>
          {verb}
        </Badge>
      </span>
      {changes.length > 0 && (
        <ul className={styles.changes}>
          {changes.map((change) => (
            <li key={change.field}>
              <Text size={200}>{wordsOf(change)}</Text>
            </li>
          ))}
        </ul>
      )}
      {row.secretsOrRetry && <Text size={200}>A secret changes, or what has failed is tried again.</Text>}
    </li>
  );
}

function Refused({ refusal, query }: { refusal: NonNullable<Planned["refusal"]>; query: UseQueryResult<Plan> }) {
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>{refusal.code}</MessageBarTitle>
        <WithCommands
          newTab
          text={[refusal.message, forPeople(refusal.mend ?? ""), isLater(refusal) && LATER].filter(Boolean).join("\n")}
        />
      </MessageBarBody>
      <MessageBarActions>
        <Button onClick={() => void query.refetch()}>Check again</Button>
      </MessageBarActions>
    </MessageBar>
  );
}
