import { Button, Field, Input, makeStyles, Text, tokens } from "@fluentui/react-components";
import { LockClosedRegular } from "@fluentui/react-icons";
import { useState } from "react";

const useStyles = makeStyles({
  kept: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalS, minHeight: "32px" },
  word: { color: tokens.colorNeutralForeground2 },
});

type Props = {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** There is one, which the portal never learns. */
  kept?: boolean;
  problem?: string | undefined;
  required?: boolean;
  /** CSS class of the box. */
  className?: string;
  /** The label is a heading elsewhere and is for screen readers alone. */
  hideLabel?: boolean;
  placeholder?: string;
};

/** A secret that can be given and not be seen again. */
export function SecretField({ label, value, onChange, kept = false, problem, required = false, ...look }: Props) {
  const styles = useStyles();
  const [replacing, setReplacing] = useState(false);
  if (kept && !replacing) {
    return (
      <div className={styles.kept}>
        {!look.hideLabel && <Text>{label}</Text>}
        <LockClosedRegular aria-hidden />
        <Text className={styles.word}>kept</Text>
        <Button size="small" aria-label={`Replace ${label}`} onClick={() => setReplacing(true)}>
          Replace
        </Button>
      </div>
    );
  }
  return (
    <Field {...(!look.hideLabel && { label })} required={required} validationMessage={problem ?? ""}>
      <Input
        type="password"
        autoComplete="new-password"
        aria-label={label}
        value={value}
        {...(look.className && { className: look.className })}
        placeholder={kept ? "Empty: what is kept stays" : (look.placeholder ?? "")}
        onChange={(_, { value: text }) => onChange(text)}
      />
    </Field>
  );
}
