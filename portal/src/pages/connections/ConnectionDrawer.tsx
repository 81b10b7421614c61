import {
  Button,
  DrawerBody,
  DrawerFooter,
  DrawerHeader,
  DrawerHeaderTitle,
  makeStyles,
  OverlayDrawer,
  tokens,
} from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError, api, at, body, SITE } from "../../api/client";
import { noteChange } from "../../api/queries";
import { path } from "../../components/RouteLink";
import { Failure } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { ConnectionFields } from "./ConnectionFields";
import { bodyOf, type Draft, draftOf, emptyDraft, type Problems, patchOf, problemsOf } from "./draft";
import type { Connection, ConnectionType } from "./type";
import { TYPES, typeNamed, typeOf } from "./types";

const useStyles = makeStyles({
  drawer: { width: "min(34rem, 100vw)" },
  form: { display: "contents" },
  body: {
    display: "grid",
    gap: tokens.spacingVerticalM,
    alignContent: "start",
    paddingBottom: tokens.spacingVerticalL,
  },
});

type Props = {
  /** To be changed; a new one without it. */
  connection?: Connection;
  /** Of a new one: the type that is chosen first. */
  word?: string;
  onClose: () => void;
};

/** The form of a connection. Mounted while open. */
export function ConnectionDrawer({ connection, word = "", onClose }: Props) {
  const styles = useStyles();
  const [type, setType] = useState<ConnectionType>(
    () => (connection ? typeOf(connection) : typeNamed(word)) ?? (TYPES[0] as ConnectionType),
  );
  const [draft, setDraft] = useState<Draft>(() => (connection ? draftOf(connection) : emptyDraft(type)));
  const [problems, setProblems] = useState<Problems>({});
  const { failure, busy, save } = useSaving(connection, onClose);
  const kept = connection?.properties.authType === draft.auth ? connection.properties.credentialNames : [];
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
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
    <OverlayDrawer
      open
      position="end"
      className={styles.drawer}
      onOpenChange={(_, { open, type: how }) => !open && how !== "backdropClick" && onClose()}
    >
      <form onSubmit={submit} className={styles.form} autoComplete="off" noValidate>
        <DrawerHeader>
          <DrawerHeaderTitle
            action={
              <Button appearance="subtle" icon={<DismissRegular />} aria-label="Close the form" onClick={onClose} />
            }
          >
            {connection ? `Edit ${connection.name}` : "New connection"}
          </DrawerHeaderTitle>
        </DrawerHeader>
        <DrawerBody>
          <div className={styles.body}>
            <ConnectionFields
              type={type}
              draft={draft}
              kept={kept}
              problems={refused ? { ...refused, ...problems } : problems}
              isNew={!connection}
              onType={choose}
              onChange={change}
            />
            {failure !== null && <Failure failure={failure} />}
          </div>
        </DrawerBody>
        <DrawerFooter>
          <Button type="submit" appearance="primary" disabled={busy}>
            {connection ? "Save" : "Create"}
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </DrawerFooter>
      </form>
    </OverlayDrawer>
  );
}

function useSaving(connection: Connection | undefined, onClose: () => void) {
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const router = useRouter();
  const toasts = useToasts();
  const save = async (type: ConnectionType, draft: Draft) => {
    const name = draft.name.trim();
    setBusy(true);
    setFailure(null);
    try {
      const params = { path: at({ connection: name }) };
      if (connection) {
        await body(
          api.PATCH(`${SITE}/connections/{connection}`, { params, body: patchOf(connection, draft) as never }),
        );
      } else {
        // Of another's connection that has just got the same name nothing is overwritten.
        const header = { "If-None-Match": "*" };
        const given = { params: { ...params, header }, body: bodyOf(type, draft) as never };
        await body(api.PUT(`${SITE}/connections/{connection}`, given));
      }
    } catch (thrown) {
      setFailure(thrown instanceof ApiError && thrown.status === 412 ? taken(name) : thrown);
      setBusy(false);
      return;
    }
    noteChange(`/connections/${name}`);
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
