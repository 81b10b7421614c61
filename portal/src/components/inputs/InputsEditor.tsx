import { makeStyles, Tab, TabList, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { InputsForm, type InputsProps } from "./InputsForm";
import { InputsJson } from "./InputsJson";

const EDITORS = [
  { id: "form", label: "Form editor", view: InputsForm },
  { id: "json", label: "JSON editor", view: InputsJson },
] as const;

const useStyles = makeStyles({ place: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0 } });

/** The inputs of a flow, as a form or as JSON: both show and change the same values. */
export function InputsEditor(props: InputsProps) {
  const styles = useStyles();
  const [shown, setShown] = useState<(typeof EDITORS)[number]["id"]>("form");
  const { view: View } = EDITORS.find((editor) => editor.id === shown) ?? EDITORS[0];
  return (
    <div className={styles.place}>
      <TabList
        size="small"
        aria-label="Editor of the inputs"
        selectedValue={shown}
        onTabSelect={(_, { value }) => setShown(value as typeof shown)}
      >
        {EDITORS.map((editor) => (
          <Tab key={editor.id} value={editor.id}>
            {editor.label}
          </Tab>
        ))}
      </TabList>
      <View {...props} />
    </div>
  );
}
