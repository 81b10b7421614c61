import { Button, Field, Input, Tooltip } from "@fluentui/react-components";
import { EyeOffRegular, EyeRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { CopyButton } from "../../../components/CopyButton";
import { Failure } from "../../../components/states";

type Props = {
  /** As in "Primary key". */
  label: string;
  /** Asks for it; it is on the page only while it is shown. */
  ask: () => Promise<string>;
};

const MASK = "•".repeat(32);

/** A secret that is asked for when somebody wants to see or to copy it. */
export function SecretField({ label, ask }: Props) {
  const [shown, setShown] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const get = async () => {
    try {
      const secret = await ask();
      setFailure(null);
      return secret;
    } catch (thrown) {
      setFailure(thrown);
      throw thrown;
    }
  };
  const turn = async () => setShown(shown === null ? await get().catch(() => null) : null);
  const action = `${shown === null ? "Show" : "Hide"} ${label.toLowerCase()}`;
  return (
    <>
      <Field label={label}>
        <Input
          readOnly
          value={shown ?? MASK}
          contentAfter={
            <>
              <Tooltip content={action} relationship="label">
                <Button
                  appearance="subtle"
                  size="small"
                  icon={shown === null ? <EyeRegular /> : <EyeOffRegular />}
                  onClick={() => void turn()}
                />
              </Tooltip>
              <CopyButton text={get} what={label.toLowerCase()} />
            </>
          }
        />
      </Field>
      {failure !== null && <Failure failure={failure} />}
    </>
  );
}
