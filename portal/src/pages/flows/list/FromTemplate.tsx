import { Button, Field, makeStyles, Radio, RadioGroup, Text, tokens } from "@fluentui/react-components";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { path } from "../../../components/RouteLink";
import { Failure } from "../../../components/states";
import { createFlow } from "../api";
import { NameField, nameProblem } from "./NameField";
import type { WayProps } from "./NewFlowDialog";
import { TEMPLATES } from "./templates";

const useStyles = makeStyles({
  form: { display: "grid", gap: tokens.spacingVerticalM },
  label: { display: "grid" },
  text: { color: tokens.colorNeutralForeground2 },
  actions: { display: "flex", justifyContent: "end" },
});

export function FromTemplate({ flows }: WayProps) {
  const styles = useStyles();
  const navigate = useNavigate();
  const [template, setTemplate] = useState("chat");
  const [given, setGiven] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const name = given ?? freeName(`my-${template}`, (each) => nameProblem(each, flows) === "");
  const problem = nameProblem(name, flows);
  const create = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await createFlow(name, { template });
      void navigate({ to: path("/flows", name) });
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
    }
  };
  return (
    <form className={styles.form} onSubmit={(event) => void create(event)}>
      <Field label="Template">
        <RadioGroup value={template} onChange={(_, { value }) => setTemplate(value)}>
          {TEMPLATES.map(({ id, label, text }) => (
            <Radio
              key={id}
              value={id}
              label={
                <span className={styles.label}>
                  <Text weight="semibold">{label}</Text>
                  <Text size={200} className={styles.text}>
                    {text}
                  </Text>
                </span>
              }
            />
          ))}
        </RadioGroup>
      </Field>
      <NameField name={name} onChange={setGiven} problem={problem} />
      {failure !== null && <Failure failure={failure} title="The flow was not created." />}
      <div className={styles.actions}>
        <Button type="submit" appearance="primary" disabled={problem !== "" || busy}>
          Create
        </Button>
      </div>
    </form>
  );
}

/** The name, or the first of name-2, name-3 … that is free. */
export function freeName(name: string, isFree: (name: string) => boolean): string {
  for (let number = 1; ; number++) {
    const tried = number === 1 ? name : `${name}-${number}`;
    if (isFree(tried)) return tried;
  }
}
