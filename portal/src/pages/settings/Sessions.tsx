import { Button, Field, Input, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, type Schemas } from "../../api/client";
import { keyOf, PRINCIPALS, queries } from "../../api/queries";
import { signOut, useSession } from "../../api/session";
import { CopyButton } from "../../components/CopyButton";
import { FormDialog } from "../../components/FormDialog";
import { Moment } from "../../components/Moment";
import { Panel } from "../../components/Panel";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { Failure, Loaded } from "../../components/states";
import { browserOf } from "./browsers";

type Session = Schemas["BrowserSession"];

const useStyles = makeStyles({
  words: { color: tokens.colorNeutralForeground2 },
  link: { width: "min(40rem, 100%)" },
});

/** Signing in and out are changes of one's own principal, so its events keep this fresh. */
const KEY = keyOf(PRINCIPALS, "my sessions");

/** Mine in all browsers, and the way into another one. */
export function Sessions() {
  const [ending, setEnding] = useState<Session | null>(null);
  const session = useSession();
  const own = session.state === "in" ? session.sessionId : "";
  const query = useQuery({ queryKey: KEY, queryFn: async () => (await body(api.GET("/sessions"))).value });
  const end = async ({ id }: Session) => {
    if (id === own) return signOut();
    await body(api.DELETE("/sessions/{id}", { params: { path: { id } } }));
    await queries.invalidateQueries({ queryKey: KEY });
  };
  return (
    <>
      <Panel title="My sessions">
        <Loaded query={query}>
          {(found) => (
            <ResourceTable label="My sessions" rows={found} columns={columns(own, setEnding)} keyOf={({ id }) => id} />
          )}
        </Loaded>
      </Panel>
      <AnotherBrowser />
      {ending && (
        <FormDialog
          title={ending.id === own ? "Sign out of this browser?" : "End that session?"}
          action={ending.id === own ? "Sign out" : "End session"}
          onSubmit={() => end(ending)}
          onClose={() => setEnding(null)}
        >
          <p>{browserOf(ending.client)} is signed in no more. It signs in again by a new link.</p>
        </FormDialog>
      )}
    </>
  );
}

function columns(own: string, onEnd: (session: Session) => void): Column<Session>[] {
  return [
    {
      label: "Browser",
      cell: ({ id, client }) => (
        <span title={client}>
          {browserOf(client)}
          {id === own && " (this one)"}
        </span>
      ),
    },
    { label: "Signed in", wide: true, cell: ({ createdAt }) => <Moment at={createdAt} /> },
    { label: "Last used", wide: true, cell: ({ usedAt }) => <Moment at={usedAt} /> },
    { label: "Ends", cell: ({ endsAt }) => <Moment at={endsAt} /> },
    {
      label: "End",
      action: true,
      width: "7rem",
      cell: (session) => (
        <Button size="small" onClick={() => onEnd(session)}>
          {session.id === own ? "Sign out" : "End session"}
        </Button>
      ),
    },
  ];
}

function AnotherBrowser() {
  const styles = useStyles();
  // Not kept once this is left: whoever has the link is signed in as me.
  const link = useMutation({ mutationFn: () => body(api.POST("/signin/links")), gcTime: 0 });
  return (
    <Panel title="Another browser">
      <Text className={styles.words}>A link signs another browser in as you, once, within ten minutes.</Text>
      {link.data && (
        <Field label="Sign-in link" hint="Whoever opens it first is signed in as you." className={styles.link}>
          <Input
            readOnly
            value={link.data.url}
            contentAfter={<CopyButton text={link.data.url} what="sign-in link" />}
          />
        </Field>
      )}
      {link.isError && <Failure failure={link.error} />}
      <div>
        <Button disabled={link.isPending} onClick={() => link.mutate()}>
          {link.data ? "Make another link" : "Make a sign-in link"}
        </Button>
      </div>
    </Panel>
  );
}
