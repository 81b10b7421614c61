import {
  Button,
  Field,
  Input,
  makeStyles,
  Radio,
  RadioGroup,
  Text,
  Textarea,
  tokens,
} from "@fluentui/react-components";
import { ArrowUploadRegular } from "@fluentui/react-icons";
import { useRouter } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { ApiError, api, at, body, SITE } from "../../api/client";
import { noteChange } from "../../api/queries";
import { CodeEditor } from "../../components/CodeEditor";
import { FormDrawer } from "../../components/FormDrawer";
import { path } from "../../components/RouteLink";
import { type Pairs, TagsEditor } from "../../components/TagsEditor";
import { unlessTaken, useSubmission } from "../../components/useSubmission";
import { condaOf, DEFAULT_IMAGE, problemOf, type Version } from "./environment";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;
const MOST_BYTES = 1024 * 1024;

const useStyles = makeStyles({
  tools: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalM },
  hint: { color: tokens.colorNeutralForeground2 },
});

type Kind = "requirements" | "conda";
type Draft = { name: string; image: string; kind: Kind; text: string; description: string; tags: Pairs };

type Props = {
  /** Of which a new version is made; a new environment without it. */
  latest?: { name: string; nextVersion: string; version: Version | undefined };
  onClose: () => void;
};

/** The form of a new environment or version. Mounted while open. */
export function EnvironmentDrawer({ latest, onClose }: Props) {
  const [draft, setDraft] = useState<Draft>(() => begun(latest));
  const [problems, setProblems] = useState<Record<string, string>>({});
  const { failure, busy, register } = useRegistering(latest?.nextVersion ?? "1", onClose);
  const set = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  const submit = () => {
    const found = problemsOf(draft);
    setProblems(found);
    if (Object.keys(found).length === 0) void register(draft);
  };
  return (
    <FormDrawer
      title={latest ? `Version ${latest.nextVersion} of ${latest.name}` : "New environment"}
      action="Create"
      needs="environments/versions/write"
      busy={busy}
      failure={failure}
      refusal="It was not registered."
      isWide
      onSubmit={submit}
      onClose={onClose}
    >
      {!latest && (
        <Field label="Name" required validationMessage={problems.name ?? ""}>
          <Input value={draft.name} autoComplete="off" onChange={(_, { value }) => set({ name: value })} />
        </Field>
      )}
      <Field
        label="Base image"
        required
        hint="A promptflow-runtime image; Flowstead's own runtime stands in for it."
        validationMessage={problems.image ?? ""}
      >
        <Input value={draft.image} onChange={(_, { value }) => set({ image: value })} />
      </Field>
      <Packages draft={draft} problem={problems.text ?? ""} set={set} />
      <Field label="Description">
        <Textarea value={draft.description} onChange={(_, { value }) => set({ description: value })} />
      </Field>
      <Field label="Tags">
        <TagsEditor noun="tag" value={draft.tags} onChange={(tags) => set({ tags })} />
      </Field>
    </FormDrawer>
  );
}

const FILES: Record<Kind, string> = { requirements: "requirements.txt", conda: "conda.yaml" };

function Packages({ draft, problem, set }: { draft: Draft; problem: string; set: (part: Partial<Draft>) => void }) {
  const styles = useStyles();
  const chooser = useRef<HTMLInputElement>(null);
  const [refused, setRefused] = useState("");
  const file = FILES[draft.kind];
  const take = async (chosen: File | undefined) => {
    if (!chosen) return;
    if (chosen.size > MOST_BYTES) {
      setRefused(`${chosen.name} has more than 1 MiB and is no such file.`);
      return;
    }
    setRefused("");
    const kind = /\.ya?ml$/i.test(chosen.name) ? "conda" : "requirements";
    set({ kind, text: await chosen.text() });
  };
  return (
    <>
      <Field label="Packages from">
        <RadioGroup layout="horizontal" value={draft.kind} onChange={(_, { value }) => set({ kind: value as Kind })}>
          <Radio value="requirements" label="requirements.txt" />
          <Radio value="conda" label="A conda file" />
        </RadioGroup>
      </Field>
      <div className={styles.tools}>
        <Button icon={<ArrowUploadRegular />} onClick={() => chooser.current?.click()}>
          Upload {file}
        </Button>
        <input
          ref={chooser}
          type="file"
          hidden
          accept=".txt,.in,.yml,.yaml"
          onChange={(event) => {
            void take(event.target.files?.[0]);
            event.target.value = "";
          }}
        />
        <Text size={200} className={styles.hint}>
          Or write it here, a package a line. Flows' own requirements.txt adds to it.
        </Text>
      </div>
      <Field validationMessage={refused || problem}>
        <CodeEditor
          key={draft.kind}
          label={file}
          language={draft.kind === "conda" ? "yaml" : "text"}
          value={draft.text}
          height="14rem"
          onChange={(text) => set({ text })}
        />
      </Field>
    </>
  );
}

function begun(latest: Props["latest"]): Draft {
  const known = latest?.version?.properties;
  const conda = known?.condaFile ?? "";
  return {
    name: latest?.name ?? "",
    image: known?.image ?? DEFAULT_IMAGE,
    kind: conda ? "conda" : "requirements",
    text: conda,
    description: known?.description ?? "",
    tags: known?.tags ?? {},
  };
}

function problemsOf(draft: Draft): Record<string, string> {
  const found: Record<string, string> = {};
  if (!NAME.test(draft.name.trim()))
    found.name = "Begin with a letter or digit; use up to 255 letters, digits, dashes, underscores and dots.";
  if (!draft.image.trim()) found.image = "Name an image.";
  const problem = draft.kind === "conda" && draft.text.trim() ? problemOf(draft.text) : "";
  if (problem) found.text = problem;
  return found;
}

function useRegistering(version: string, onClose: () => void) {
  const { busy, failure, send } = useSubmission();
  const router = useRouter();
  const register = async (draft: Draft) => {
    const name = draft.name.trim();
    const condaFile = draft.kind === "conda" ? draft.text.trim() && draft.text : condaOf(draft.text);
    const properties = {
      image: draft.image.trim(),
      ...(condaFile && { condaFile }),
      description: draft.description,
      tags: draft.tags,
    };
    const put = async () => {
      // What is there under this name and version stays what it is.
      const params = { path: at({ name, version }), header: { "If-None-Match": "*" } };
      const given = { params, body: { properties } as never };
      await body(api.PUT(`${SITE}/environments/{name}/versions/{version}`, given));
    };
    if (!(await send(() => unlessTaken(put, () => taken(name, version))))) return;
    noteChange(`/environments/${name}/versions/${version}`);
    onClose();
    router.history.push(`/portal${path("/environments", name)}?version=${encodeURIComponent(version)}`);
  };
  return { failure, busy, register };
}

function taken(name: string, version: string): ApiError {
  const hint = version === "1" ? "Choose another name, or make a new version on its page." : "Load the page again.";
  return new ApiError(412, "NameTaken", `There is a version ${version} of ${name} already.`, hint);
}
