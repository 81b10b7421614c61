import { Button, Field, Input, makeStyles, tokens } from "@fluentui/react-components";
import { AddRegular, DeleteRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { UNFIT } from "./useSubmission";

export type Pairs = Record<string, string>;
type Row = { id: number; name: string; value: string };

const useStyles = makeStyles({
  rows: { display: "grid", gap: tokens.spacingVerticalS },
  row: { display: "grid", gridTemplateColumns: "1fr 1fr auto", gap: tokens.spacingHorizontalS, alignItems: "start" },
  input: { minWidth: 0 },
});

type Props = {
  /** What a pair is, as in "tag" or "environment variable". */
  noun: string;
  value: Pairs;
  onChange: (value: Pairs) => void;
  disabled?: boolean;
};

/** Names with values. A row without a name or with that of another is marked, and no form is sent with it. */
export function TagsEditor({ noun, value, onChange, disabled = false }: Props) {
  const styles = useStyles();
  const [rows, setRows] = useState<Row[]>(() =>
    Object.entries(value).map(([name, text], id) => ({ id, name, value: text })),
  );
  const change = (next: Row[]) => {
    setRows(next);
    onChange(Object.fromEntries(next.filter((row) => row.name.trim()).map((row) => [row.name.trim(), row.value])));
  };
  const set = (id: number, part: Partial<Row>) =>
    change(rows.map((row) => (row.id === id ? { ...row, ...part } : row)));
  const add = () => change([...rows, { id: Math.max(-1, ...rows.map((row) => row.id)) + 1, name: "", value: "" }]);
  const faultOf = ({ id, name, value: text }: Row) => {
    if (!name.trim()) return text ? "The value has no name." : "";
    const isTwice = rows.some((other) => other.id !== id && other.name.trim() === name.trim());
    return isTwice ? `There is another ${noun} of this name.` : "";
  };
  return (
    <div className={styles.rows}>
      {rows.map((row, index) => (
        <div key={row.id} className={styles.row}>
          <Field validationMessage={faultOf(row)}>
            <Input
              className={styles.input}
              aria-label={`Name of ${noun} ${index + 1}`}
              placeholder="Name"
              value={row.name}
              disabled={disabled}
              {...(faultOf(row) && UNFIT)}
              onChange={(_, { value: name }) => set(row.id, { name })}
            />
          </Field>
          <Input
            className={styles.input}
            aria-label={`Value of ${noun} ${index + 1}`}
            placeholder="Value"
            value={row.value}
            disabled={disabled}
            onChange={(_, { value: text }) => set(row.id, { value: text })}
          />
          <Button
            appearance="subtle"
            icon={<DeleteRegular />}
            aria-label={`Remove ${noun} ${row.name || index + 1}`}
            disabled={disabled}
            onClick={() => change(rows.filter((other) => other.id !== row.id))}
          />
        </div>
      ))}
      <div>
        <Button size="small" icon={<AddRegular />} onClick={add} disabled={disabled}>
          Add {noun}
        </Button>
      </div>
    </div>
  );
}
