import { Button, MessageBar, MessageBarBody, makeStyles, Subtitle2, Text, tokens } from "@fluentui/react-components";
import { EditRegular } from "@fluentui/react-icons";
import type { UseQueryResult } from "@tanstack/react-query";
import { OverwriteWarning } from "./BasicSettings";
import { FIELDS, type Field, type Problem } from "./fields";
import { type Facts, type Form, isNew, overwritten } from "./form";
import { useFormStyles } from "./layout";
import { MissingConnections } from "./OutputsAndConnections";
import { PAGES } from "./pages";
import type { Plan } from "./plan";
import { Verdict } from "./Verdict";

const useStyles = makeStyles({
  review: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingVerticalXL,
    minWidth: 0,
    maxWidth: "60rem",
  },
  rows: { margin: 0, display: "grid" },
  row: {
    display: "grid",
    gridTemplateColumns: "minmax(6rem, 14rem) minmax(0, 1fr) auto",
    columnGap: tokens.spacingHorizontalM,
    alignItems: "center",
    minHeight: "36px",
    borderBottom: `1px solid ${tokens.colorNeutralStroke3}`,
    "@media (max-width: 640px)": {
      gridTemplateColumns: "minmax(0, 1fr) auto",
      "& dt": { gridColumn: 1 },
      "& dd": { gridColumn: 1 },
      "& dd:last-child": { gridColumn: 2, gridRow: "1 / span 2" },
      padding: `${tokens.spacingVerticalXS} 0`,
    },
  },
  label: { color: tokens.colorNeutralForeground2 },
  value: { margin: 0, overflowWrap: "anywhere", display: "grid" },
});

type Props = {
  form: Form;
  facts: Facts;
  problems: readonly Problem[];
  plan: UseQueryResult<Plan>;
  /** Back to a field. */
  onChange: (field: Field) => void;
};

/** Every chosen value, with a way back to it, and what will come of it. */
export function Review({ form, facts, problems, plan, onChange }: Props) {
  const styles = useStyles();
  const group = useFormStyles();
  const before = overwritten(form, facts);
  return (
    <div className={styles.review}>
      {problems.length > 0 ? <Mend problems={problems} onChange={onChange} /> : null}
      {before && <OverwriteWarning endpoint={form.existingEndpoint} before={before} />}
      <MissingConnections {...{ form, facts }} />
      {problems.length === 0 && <Verdict query={plan} isNew={isNew(form)} />}
      {PAGES.map((page) => {
        const rows = FIELDS.filter((field) => field.page === page.id)
          .map((field) => ({ field, value: field.shown(form, facts) }))
          .filter(({ value }) => value !== null);
        if (rows.length === 0) return null;
        return (
          <section key={page.id} className={group.group} aria-label={page.title}>
            <Subtitle2 as="h3" className={group.heading}>
              {page.label}
            </Subtitle2>
            <dl className={styles.rows}>
              {rows.map(({ field, value }) => (
                <div key={field.id} className={styles.row}>
                  <dt className={styles.label}>
                    <Text>{field.label}</Text>
                  </dt>
                  <dd className={styles.value}>
                    {[value ?? ""].flat().map((line) => (
                      <Text key={line}>{line}</Text>
                    ))}
                  </dd>
                  <dd className={styles.value}>
                    <Button
                      appearance="subtle"
                      size="small"
                      icon={<EditRegular />}
                      aria-label={`Change ${field.label}`}
                      onClick={() => onChange(field)}
                    />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        );
      })}
    </div>
  );
}

function Mend({ problems, onChange }: Pick<Props, "problems" | "onChange">) {
  const group = useFormStyles();
  return (
    <MessageBar intent="error" layout="multiline">
      <MessageBarBody>
        <div className={group.group}>
          {problems.map(({ field, text }) => (
            <div key={field.id} className={group.line}>
              <Text>
                <b>{field.label}</b>: {text}
              </Text>
              <Button size="small" onClick={() => onChange(field)}>
                Change it
              </Button>
            </div>
          ))}
        </div>
      </MessageBarBody>
    </MessageBar>
  );
}
