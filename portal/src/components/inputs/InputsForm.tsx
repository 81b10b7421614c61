import { Field, Input, makeStyles, Select, Text, Textarea, tokens } from "@fluentui/react-components";
import { boxText, choose, type Draft, typeText } from "./draft";
import { ImageBox } from "./ImageBox";
import type { FlowInput, MessageFormat } from "./signature";
import { faultOf } from "./types";

export type InputsProps = {
  inputs: readonly FlowInput[];
  draft: Draft;
  onChange: (draft: Draft) => void;
  format?: MessageFormat;
};

const useStyles = makeStyles({
  form: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0 },
  none: { color: tokens.colorNeutralForeground2 },
});

/** A field for each input of a flow. */
export function InputsForm(props: InputsProps) {
  const styles = useStyles();
  if (props.inputs.length === 0) return <Text className={styles.none}>This flow takes no inputs.</Text>;
  return (
    <div className={styles.form}>
      {props.inputs.map((input) => (
        <InputField key={input.name} input={input} {...props} />
      ))}
    </div>
  );
}

function InputField({ input, draft, onChange, format }: InputsProps & { input: FlowInput }) {
  const fault = shownFault(draft, input);
  return (
    <Field
      required={input.required}
      validationMessage={fault}
      validationState={fault ? "error" : "none"}
      label={input.name}
      hint={[input.type, input.description].filter(Boolean).join(" · ")}
    >
      <InputBox input={input} draft={draft} onChange={onChange} {...(format && { format })} />
    </Field>
  );
}

/** What is not filled in yet is no mistake before somebody was there. */
function shownFault(draft: Draft, input: FlowInput): string {
  const isNew = draft.values[input.name] === undefined && draft.texts[input.name] === undefined;
  return isNew ? "" : faultOf(input, draft.values[input.name]);
}

/** The box itself; the field around it names it. */
function InputBox({
  input,
  draft,
  onChange,
  format = "basic",
  ...field
}: Omit<InputsProps, "inputs"> & { input: FlowInput }) {
  const text = boxText(draft, input);
  if (input.type === "bool") {
    return (
      <Select {...field} value={text} onChange={(_, { value }) => onChange(typeText(draft, input, value))}>
        {text !== "true" && text !== "false" && <option value={text}>{text || "Choose"}</option>}
        <option value="true">true</option>
        <option value="false">false</option>
      </Select>
    );
  }
  if (input.type === "image") {
    return (
      <ImageBox
        {...field}
        name={input.name}
        value={draft.values[input.name]}
        format={format}
        onChange={(value) => onChange(choose(draft, input, value))}
      />
    );
  }
  if (input.type === "int" || input.type === "double") {
    return (
      <Input
        {...field}
        inputMode={input.type === "int" ? "numeric" : "decimal"}
        value={text}
        onChange={(_, { value }) => onChange(typeText(draft, input, value))}
      />
    );
  }
  return (
    <Textarea
      {...field}
      rows={Math.min(Math.max(text.split("\n").length, 2), 12)}
      resize="vertical"
      spellCheck={input.type === "string"}
      value={text}
      onChange={(_, { value }) => onChange(typeText(draft, input, value))}
    />
  );
}
