import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { useMemo } from "react";
import { CodeEditor, type Mark } from "../CodeEditor";
import { type Draft, faults, lineOfField, typeJson, unknownNames } from "./draft";
import type { InputsProps } from "./InputsForm";
import type { FlowInput } from "./signature";

const useStyles = makeStyles({
  place: { display: "grid", gap: tokens.spacingVerticalS, minWidth: 0 },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
  error: { color: tokens.colorPaletteRedForeground1 },
  warning: { color: tokens.colorNeutralForeground2 },
});

/** The inputs as the JSON that is sent, with what is wrong at its line and in words below. */
export function InputsJson({ inputs, draft, onChange }: InputsProps) {
  const styles = useStyles();
  const marks = useMemo(() => marksOf(draft, inputs), [draft, inputs]);
  return (
    <div className={styles.place}>
      <CodeEditor
        label="Inputs as JSON"
        language="json"
        value={draft.json}
        marks={marks}
        onChange={(json) => json !== draft.json && onChange(typeJson(draft, json))}
      />
      {marks.length > 0 && (
        <ul className={styles.list} aria-label="Problems">
          {marks.map((mark) => (
            <li key={mark.message} className={mark.severity === "error" ? styles.error : styles.warning}>
              <Text>
                Line {mark.line}: {mark.message}
              </Text>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function marksOf(draft: Draft, inputs: readonly FlowInput[]): Mark[] {
  if (draft.jsonFault) return [{ ...draft.jsonFault, column: 0, severity: "error" }];
  const wrong = faults(draft, inputs).map(({ name, message }) => ({
    line: lineOfField(draft.json, name),
    column: 0,
    severity: "error" as const,
    message: `${name}: ${message}`,
  }));
  const unknown = unknownNames(draft, inputs).map((name) => ({
    line: lineOfField(draft.json, name),
    column: 0,
    severity: "warning" as const,
    message: `The flow has no input ${name} and ignores it.`,
  }));
  return [...wrong, ...unknown];
}
