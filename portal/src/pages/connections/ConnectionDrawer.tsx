import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError, api, at, body, SITE, WORKSPACE_ID } from "../../api/client";
import type { Edit } from "../../api/edits";
import { noteChange } from "../../api/queries";
import { FormDrawer } from "../../components/FormDrawer";
import { path } from "../../components/RouteLink";
import { useToasts } from "../../components/toasts";
import { useEdit } from "../../components/useEdit";
import { unlessTaken, useSubmission } from "../../components/useSubmission";
import { ConnectionFields } from "./ConnectionFields";
import { bodyOf, type Draft, draftOf, emptyDraft, type Problems, patchOf, problemsOf } from "./draft";
import type { Connection, ConnectionType } from "./type";
import { TYPES, typeNamed, typeOf } from "./types";

type Props = {
  /** To be changed; a new one without it. */
  connection?: Connection;
  /** Of a new one: the type that is chosen first. */
  word?: string;
  onClose: () => void;
};

/** The form of a connection. Mounted while open. */
export function ConnectionDrawer(props: Props) {
  const { word = "", onClose } = props;
  const { resource: connection, save: saveEdit } = useEdit(props.connection);
  const [type, setType] = useState<ConnectionType>(
    () => (connection ? typeOf(connection) : typeNamed(word)) ?? (TYPES[0] as ConnectionType),
  );
  const [draft, setDraft] = useState<Draft>(() => (connection ? draftOf(connection) : emptyDraft(type)));
  const [problems, setProblems] = useState<Problems>({});
  const { failure, busy, save } = useSaving(connection, saveEdit, onClose);
  const kept = connection?.properties.authType === draft.auth ? connection.properties.credentialNames : [];
  const submit = () => {
    const found = problemsOf(type, draft, kept);
    setProblems(found);
    if (Object.keys(found).length === 0) void save(type, draft);
  };
  const change = (next: Draft) => {
    setDraft(next);
    if (Object.keys(problems).length > 0) setProblems(problemsOf(type, next, kept));
  };
  const choose = (next: ConnectionType) => {
    setType(next);
    setProblems({});
    setDraft({ ...emptyDraft(next, draft.name), texts: { target: draft.texts.target ?? "" } });
  };
  const refused = refusedField(failure);
  return (
    <FormDrawer
      title={connection ? `Edit ${connection.name}` : "New connection"}
      action={connection ? "Save" : "Create"}
      needs="connections/write"
      on={connection?.id ?? WORKSPACE_ID}
      busy={busy}
      failure={failure}
      onSubmit={submit}
      onClose={onClose}
    >
      <ConnectionFields
        type={type}
        draft={draft}
        kept={kept}
        problems={refused ? { ...refused, ...problems } : problems}
        isNew={!connection}
        onType={choose}
        onChange={change}
      />
    </FormDrawer>
  );
}

function useSaving(connection: Connection | undefined, saveEdit: (edit: Edit) => Promise<void>, onClose: () => void) {
  const { busy, failure, send } = useSubmission();
  const router = useRouter();
  const toasts = useToasts();
  const save = async (type: ConnectionType, draft: Draft) => {
    const name = draft.name.trim();
    const place = `/connections/${name}`;
    const create = async () => {
      // Of another's connection that has just got the same name nothing is overwritten.
      const params = { path: at({ connection: name }), header: { "If-None-Match": "*" } };
      await body(api.PUT(`${SITE}/connections/{connection}`, { params, body: bodyOf(type, draft) as never }));
    };
    const change = (before: Connection) => saveEdit({ path: place, patch: patchOf(before, draft) });
    if (!(await send(() => (connection ? change(connection) : unlessTaken(create, () => taken(name)))))) return;
    noteChange(place);
    onClose();
    if (connection) toasts.done(`The connection ${name} is changed.`);
    else router.history.push(`/portal${path("/connections", name)}`);
  };
  return { failure, busy, save };
}

function taken(name: string): ApiError {
  const hint = "Choose another name, or open that connection and edit it.";
  return new ApiError(412, "NameTaken", `There is a connection ${name} already.`, hint, "name");
}

/** The field that the server names, where it is one of the form's. */
function refusedField(failure: unknown): Problems | null {
  if (!(failure instanceof ApiError) || !failure.target) return null;
  return { [failure.target.replace(/^properties\./, "")]: failure.message };
}
