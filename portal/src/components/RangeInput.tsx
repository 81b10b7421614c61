import { makeStyles, mergeClasses, tokens } from "@fluentui/react-components";

const useStyles = makeStyles({
  range: { width: "100%", minWidth: 0, margin: 0, accentColor: tokens.colorCompoundBrandBackground, cursor: "pointer" },
});

type Props = {
  /** Its name for screen readers. */
  label: string;
  value: number;
  /** From 0 up to this. */
  most: number;
  onChange: (value: number) => void;
  className?: string;
};

/** A slider: the browser's own. Fluent's asks for an appearance of which Chromium complains on the console. */
export function RangeInput({ label, value, most, onChange, className }: Props) {
  const styles = useStyles();
  return (
    <input
      type="range"
      className={mergeClasses(styles.range, className)}
      aria-label={label}
      aria-valuetext={`${value} %`}
      min={0}
      max={most}
      value={value}
      onChange={(event) => onChange(event.target.valueAsNumber)}
    />
  );
}
