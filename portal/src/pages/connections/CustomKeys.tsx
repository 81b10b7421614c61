import { Button, Field, Input, makeStyles, Text, tokens } from "@fluentui/react-components";
import { AddRegular, DeleteRegular } from "@fluentui/react-icons";
import type { KeyRow, Problems } from "./draft";
import { SecretField } from "./SecretField";

const useStyles = makeStyles({
  rows: { display: "grid", gap: tokens.spacingVerticalS, border: "none", margin: 0, padding: 0, minWidth: 0 },
  row: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr) minmax(0, 1fr) auto",
    gap: tokens.spacingHorizontalS,
    alignItems: "start",
  },
  legend: { padding: 0, marginBottom: tokens.spacingVerticalXS },
  input: { minWidth: 0, width: "100%" },
  problem: { color: tokens.colorPaletteRedForeground1 },
});

type Props = { rows: KeyRow[]; problems: Problems; onChange: (rows: KeyRow[]) => void };

/** Any number of named secrets. */
export function CustomKeys({ rows, problems, onChange }: Props) {
  const styles = useStyles();
  const set = (id: number, part: Partial<KeyRow>) =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...part } : row)));
  const next = Math.max(-1, ...rows.map((row) => row.id)) + 1;
  return (
    <fieldset className={styles.rows}>
      <legend className={styles.legend}>
        <Text weight="semibold">Keys</Text>
      </legend>
      {rows.map((row, index) => (
        <div key={row.id} className={styles.row}>
          <Field validationMessage={problems[`key.${row.id}`] ?? ""}>
            <Input
              className={styles.input}
              aria-label={`Name of key ${index + 1}`}
              placeholder="Name"
              value={row.name}
              readOnly={row.kept}
              autoComplete="off"
              onChange={(_, { value: name }) => set(row.id, { name })}
            />
          </Field>
          <SecretField
            label={`Value of key ${row.name || index + 1}`}
            hideLabel
            placeholder="Value"
            className={styles.input}
            kept={row.kept}
            value={row.value}
            onChange={(value) => set(row.id, { value })}
          />
          <Button
            appearance="subtle"
            icon={<DeleteRegular />}
            aria-label={`Remove key ${row.name || index + 1}`}
            onClick={() => onChange(rows.filter((other) => other.id !== row.id))}
          />
        </div>
      ))}
      {problems.keys && (
        <Text role="alert" className={styles.problem} size={200}>
          {problems.keys}
        </Text>
      )}
      <div>
        <Button
          size="small"
          icon={<AddRegular />}
          onClick={() => onChange([...rows, { id: next, name: "", value: "", kept: false }])}
        >
          Add key
        </Button>
      </div>
    </fieldset>
  );
}
