import { Button, Field, Input, makeStyles, Tooltip, tokens } from "@fluentui/react-components";
import { EyeOffRegular, EyeRegular } from "@fluentui/react-icons";
import { type ReactNode, useState } from "react";
import { CopyButton } from "../CopyButton";
import { Failure } from "../states";
import type { Opener } from "./credential";
import type { Shown } from "./useOpener";

type Props = {
  /** As in "Primary key". */
  label: string;
  shown: Shown;
  /** Which of what opens the endpoint it is. */
  of: (opener: Opener) => string;
  /** There is no use in asking for it. */
  isRefused: boolean;
  /** Asks for it to copy it, which shows nothing. */
  ask: () => Promise<Opener>;
  /** What else can be done with it. */
  action?: ReactNode;
};

const MASK = "•".repeat(32);

const useStyles = makeStyles({
  row: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "end" },
  field: { flex: "1 1 18rem", minWidth: 0 },
  box: { minWidth: 0, "& input": { minWidth: 0 } },
});

/** A secret that is asked for when somebody wants to see or to copy it; it is on the page only while it is shown. */
export function SecretField({ label, shown, isRefused, of, ask, action }: Props) {
  const styles = useStyles();
  const [refusal, setRefusal] = useState<unknown>(null);
  const { opener, show, hide } = shown;
  const failure = shown.failure ?? refusal;
  const name = label.toLowerCase();
  const copied = async () => {
    setRefusal(null);
    return of(opener ?? (await ask()));
  };
  const words = `${opener ? "Hide" : "Show"} ${name}`;
  return (
    <>
      <div className={styles.row}>
        <Field label={label} className={styles.field}>
          <Input
            className={styles.box}
            readOnly
            value={opener ? of(opener) : MASK}
            contentAfter={
              isRefused ? undefined : (
                <>
                  <Tooltip content={words} relationship="label">
                    <Button
                      appearance="subtle"
                      size="small"
                      icon={opener ? <EyeOffRegular /> : <EyeRegular />}
                      onClick={opener ? hide : show}
                    />
                  </Tooltip>
                  <CopyButton text={copied} what={name} onFailure={setRefusal} />
                </>
              )
            }
          />
        </Field>
        {action}
      </div>
      {failure !== null && <Failure failure={failure} />}
    </>
  );
}
