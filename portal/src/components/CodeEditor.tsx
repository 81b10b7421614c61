/** A text editor for code, loaded when the first one is shown. */

import { Spinner } from "@fluentui/react-components";
import { Suspense } from "react";
import { lazily } from "./lazily";

export type Language =
  | "yaml"
  | "python"
  | "jinja"
  | "json"
  | "text"
  | "shell"
  | "javascript"
  | "csharp"
  | "java"
  | "go"
  | "r";
/** line, column: from 1; 0 where they are not known. */
export type Mark = { line: number; column: number; severity: "error" | "warning"; message: string };

export type EditorProps = {
  /** Its name for screen readers, as in "flow.dag.yaml". */
  label: string;
  value: string;
  language: Language;
  onChange?: (value: string) => void;
  onSave?: () => void;
  readOnly?: boolean;
  marks?: readonly Mark[];
  /** Where to go; a new object goes there again. line: from 1. */
  place?: { line: number };
  /** Told the line that the cursor is moved to by whoever reads or writes. */
  onLine?: (line: number) => void;
  /** CSS height; as high as its text without it. */
  height?: string;
};

const Editor = lazily(() => import("./editor/Editor"));

export function CodeEditor(props: EditorProps) {
  return (
    <Suspense fallback={<Spinner label="Loading the editor" />}>
      <Editor {...props} />
    </Suspense>
  );
}

export function languageOf(path: string): Language {
  if (/\.(ya?ml|prompty)$/.test(path)) return "yaml";
  if (path.endsWith(".py")) return "python";
  if (/\.(jinja2?|j2)$/.test(path)) return "jinja";
  return path.endsWith(".json") ? "json" : "text";
}
