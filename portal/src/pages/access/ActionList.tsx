import { Button, Combobox, Field, makeStyles, Option, Text, tokens } from "@fluentui/react-components";
import { AddRegular, DismissRegular } from "@fluentui/react-icons";
import { matches } from "../../api/permissions";
import { faultOf } from "./actions";
import { useActions } from "./useActions";

const MOST_OFFERED = 100;

const useStyles = makeStyles({
  part: { display: "grid", gap: tokens.spacingVerticalXS, minWidth: 0 },
  line: { display: "grid", gridTemplateColumns: "1fr auto", gap: tokens.spacingHorizontalS, alignItems: "center" },
  box: { minWidth: 0 },
  list: { listStyle: "none", padding: 0, margin: 0, display: "grid", gap: tokens.spacingVerticalXXS },
  action: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, overflowWrap: "anywhere" },
  quiet: { color: tokens.colorNeutralForeground2 },
  offers: { maxHeight: "18rem" },
});

type Props = {
  label: string;
  hint: string;
  isData: boolean;
  value: string[];
  /** What stands in the box and is not chosen yet. */
  typed: string;
  onType: (text: string) => void;
  /** The box is empty then. */
  onChange: (value: string[]) => void;
};

/** Actions chosen from those that there are, or written with `*`; each with how many it covers. */
export function ActionList({ label, hint, isData, value, typed, onType, onChange }: Props) {
  const styles = useStyles();
  const known = (useActions().data ?? []).filter((each) => each.isData === isData);
  const sought = typed.trim().toLowerCase();
  const offered = known.filter(({ name, what }) => `${name} ${what}`.toLowerCase().includes(sought));
  const fault = typed.trim() ? faultOf(typed.trim()) : "";
  const add = (action: string) => {
    if (!action || faultOf(action) || value.includes(action)) return;
    onChange([...value, action]);
  };
  return (
    <div className={styles.part}>
      <Field label={label} hint={hint} validationMessage={fault}>
        <div className={styles.line}>
          <Combobox
            className={styles.box}
            aria-label={label}
            freeform
            placeholder="Search, or write one with *"
            value={typed}
            selectedOptions={value}
            onChange={(event) => onType(event.target.value)}
            onKeyDown={(event) => {
              // What the list offers is taken by the box itself.
              if (event.key !== "Enter" || event.currentTarget.getAttribute("aria-activedescendant")) return;
              event.preventDefault();
              add(typed.trim());
            }}
            onOptionSelect={(_, { optionValue }) => add(optionValue ?? "")}
            listbox={{ className: styles.offers }}
          >
            {offered.slice(0, MOST_OFFERED).map(({ name, what }) => (
              <Option key={name} value={name} text={name}>
                <span>
                  <span className={styles.action}>{name}</span>
                  <Text block size={200} className={styles.quiet}>
                    {what}
                  </Text>
                </span>
              </Option>
            ))}
          </Combobox>
          <Button
            icon={<AddRegular />}
            aria-label={`Add to ${label.toLowerCase()}`}
            disabled={!typed.trim() || fault !== ""}
            onClick={() => add(typed.trim())}
          />
        </div>
      </Field>
      <ul className={styles.list} aria-label={`Chosen ${label.toLowerCase()}`}>
        {value.map((action) => (
          <li key={action} className={styles.line}>
            <span>
              <span className={styles.action}>{action}</span>{" "}
              <Text size={200} className={styles.quiet}>
                {coverage(
                  action,
                  known.map(({ name }) => name),
                )}
              </Text>
            </span>
            <Button
              appearance="subtle"
              size="small"
              icon={<DismissRegular />}
              aria-label={`Remove ${action}`}
              onClick={() => onChange(value.filter((each) => each !== action))}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

function coverage(pattern: string, known: string[]): string {
  const count = known.filter((each) => matches(pattern, each)).length;
  if (count === 0) return "No action here is called so.";
  return pattern.includes("*") ? `Covers ${count} of the actions here.` : "";
}
