import { jinja } from "@codemirror/lang-jinja";
import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, StreamLanguage, type StreamParser, syntaxHighlighting } from "@codemirror/language";
import { csharp, java } from "@codemirror/legacy-modes/mode/clike";
import { go } from "@codemirror/legacy-modes/mode/go";
import { javascript } from "@codemirror/legacy-modes/mode/javascript";
import { r } from "@codemirror/legacy-modes/mode/r";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { Annotation, Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap, type ViewUpdate } from "@codemirror/view";
import { tokens } from "@fluentui/react-components";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";
import { useEffect, useRef } from "react";
import type { EditorProps, Language, Mark } from "../CodeEditor";

const LANGUAGES: Record<Language, () => Extension> = {
  yaml: () => yaml(),
  python: () => python(),
  jinja: () => jinja(),
  json: () => json(),
  text: () => [],
  shell: () => by(shell),
  javascript: () => by(javascript),
  csharp: () => by(csharp),
  java: () => by(java),
  go: () => by(go),
  r: () => by(r),
};

/** A mode from before there were grammars; it calls fields what grammars call property names. */
function by<State>(parser: StreamParser<State>): Extension {
  return StreamLanguage.define({ ...parser, tokenTable: { property: tags.propertyName } });
}

/** The theme's own colours, so that light and dark need no second list. */
const colours = syntaxHighlighting(
  HighlightStyle.define([
    { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword], color: tokens.colorPalettePurpleForeground2 },
    { tag: [tags.string, tags.special(tags.string)], color: tokens.colorPaletteGreenForeground1 },
    { tag: [tags.number, tags.bool, tags.null], color: tokens.colorPaletteDarkOrangeForeground3 },
    { tag: [tags.comment, tags.meta], color: tokens.colorNeutralForeground3, fontStyle: "italic" },
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: tokens.colorBrandForeground1 },
    { tag: [tags.function(tags.variableName), tags.className], color: tokens.colorPaletteBlueForeground2 },
  ]),
);

const look = EditorView.theme({
  "&": {
    color: tokens.colorNeutralForeground1,
    backgroundColor: tokens.colorNeutralBackground1,
    fontSize: tokens.fontSizeBase300,
    border: `1px solid ${tokens.colorNeutralStroke1}`,
    borderRadius: tokens.borderRadiusMedium,
  },
  "&.cm-focused": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  ".cm-scroller": { fontFamily: tokens.fontFamilyMonospace, overflow: "auto" },
  ".cm-gutters": {
    backgroundColor: tokens.colorNeutralBackground3,
    color: tokens.colorNeutralForeground3,
    border: "none",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: tokens.colorNeutralBackground2 },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: `${tokens.colorBrandBackground2} !important`,
  },
  ".cm-cursor": { borderLeftColor: tokens.colorNeutralForeground1 },
  ".cm-tooltip": {
    backgroundColor: tokens.colorNeutralBackground1,
    color: tokens.colorNeutralForeground1,
    border: `1px solid ${tokens.colorNeutralStroke1}`,
  },
});

/** Where something that is selected is typed over, the browser would keep its look by an inline style, which the content
 * security policy refuses and the console tells of. So the text is put there without the browser. */
const typedOver = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { main } = view.state.selection;
    if (event.inputType !== "insertText" || event.isComposing || main.empty || !event.data) return false;
    event.preventDefault();
    const text = event.data;
    const insert = () =>
      view.state.update(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
    const handlers = view.state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, main.from, main.to, text, insert))) view.dispatch(insert());
    return true;
  },
});

const NO_MARKS: readonly Mark[] = [];
/** On changes that come from outside, not from who reads or writes. */
const brought = Annotation.define<boolean>();

const nonce = document.querySelector<HTMLMetaElement>("meta[name=style-nonce]")?.content ?? "";

export default function Editor(props: EditorProps) {
  const { label, value, language, readOnly = false, marks = NO_MARKS, place: goal, height } = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const parts = useRef({ language: new Compartment(), writing: new Compartment(), size: new Compartment() });
  // The handlers of the latest render; the editor outlives many of them.
  const latest = useRef(props);
  latest.current = props;
  // Texts that were told to the owner and have not come back from it yet: they are older than what is shown.
  const told = useRef<string[]>([]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: made once; what changes is brought in below
  useEffect(() => {
    if (!place.current) return;
    const { language: spoken, writing, size } = parts.current;
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          keymap.of([{ key: "Mod-s", preventDefault: true, run: () => saved(latest.current) }]),
          basicSetup,
          EditorView.cspNonce.of(nonce),
          colours,
          look,
          lintGutter(),
          typedOver,
          EditorView.lineWrapping,
          // Reachable by keyboard where nothing can be written, too.
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          spoken.of(LANGUAGES[language]()),
          writing.of(writable(readOnly)),
          size.of(sized(height)),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !update.transactions.some((each) => each.annotation(brought))) {
              const text = update.state.doc.toString();
              told.current.push(text);
              latest.current.onChange?.(text);
            }
            if (update.selectionSet) tellLine(update, latest.current);
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, []);

  useEffect(() => {
    const { language: spoken, writing, size } = parts.current;
    view.current?.dispatch({
      effects: [
        spoken.reconfigure(LANGUAGES[language]()),
        writing.reconfigure(writable(readOnly)),
        size.reconfigure(sized(height)),
      ],
    });
  }, [language, readOnly, height]);

  useEffect(() => {
    const now = view.current;
    const echo = told.current.lastIndexOf(value);
    if (echo >= 0) {
      told.current.splice(0, echo + 1);
      return;
    }
    told.current = [];
    if (now && now.state.doc.toString() !== value) {
      const changes = { from: 0, to: now.state.doc.length, insert: value };
      now.dispatch({ changes, annotations: brought.of(true) });
    }
  }, [value]);

  useEffect(() => {
    const now = view.current;
    if (now)
      now.dispatch(
        setDiagnostics(
          now.state,
          marks.map((mark) => diagnostic(now.state, mark)),
        ),
      );
  }, [marks]);

  useEffect(() => {
    const now = view.current;
    if (!now || !goal || goal.line < 1) return;
    const at = now.state.doc.line(Math.min(goal.line, now.state.doc.lines));
    now.dispatch({
      selection: { anchor: at.from },
      effects: EditorView.scrollIntoView(at.from, { y: "center" }),
      annotations: brought.of(true),
    });
  }, [goal]);

  return <div ref={place} />;
}

function writable(readOnly: boolean): Extension {
  return [EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly)];
}

function sized(height: string | undefined): Extension {
  return EditorView.theme({ "&": height ? { height } : {} });
}

function diagnostic(state: EditorState, mark: Mark): Diagnostic {
  const line = state.doc.line(Math.min(Math.max(mark.line, 1), state.doc.lines));
  const from = Math.min(line.from + Math.max(mark.column - 1, 0), line.to);
  return { from, to: line.to, severity: mark.severity, message: mark.message };
}

function tellLine({ state, transactions }: ViewUpdate, props: EditorProps): void {
  if (transactions.some((each) => each.annotation(brought))) return;
  props.onLine?.(state.doc.lineAt(state.selection.main.head).number);
}

/** Ctrl-S is ours, whether there is something to save or not. */
function saved(props: EditorProps): boolean {
  props.onSave?.();
  return true;
}
