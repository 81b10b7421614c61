import { Field, Input, makeStyles } from "@fluentui/react-components";
import { UNFIT } from "../../components/useSubmission";
import { LIMITS, type Limit, type Limits, labelOf } from "./limits";

const useStyles = makeStyles({ short: { maxWidth: "10rem", minWidth: 0 } });

type Props = {
  value: Limits;
  /** What is wrong with what is entered there, "" when nothing is. */
  problemOf: (limit: Limit) => string;
  onChange: (more: Partial<Limits>) => void;
};

/** The limits of a deployment's requests, a field for each. */
export function LimitFields({ value, problemOf, onChange }: Props) {
  const styles = useStyles();
  return LIMITS.map((limit) => {
    const problem = problemOf(limit);
    return (
      <Field
        key={limit.key}
        label={labelOf(limit)}
        hint={limit.hint}
        {...(problem && { validationState: "error", validationMessage: problem })}
      >
        <Input
          id={limit.id}
          className={styles.short}
          type="number"
          step="any"
          value={value[limit.key]}
          onChange={(_, { value: text }) => onChange({ [limit.key]: text })}
          {...(problem && UNFIT)}
        />
      </Field>
    );
  });
}
