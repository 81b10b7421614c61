import {
  Button,
  Card,
  Dialog,
  DialogSurface,
  Field,
  Input,
  makeStyles,
  Text,
  Title2,
  tokens,
} from "@fluentui/react-components";
import { useState } from "react";
import { signIn } from "../api/session";
import { useFocusBack } from "../components/useFocusBack";

const useStyles = makeStyles({
  page: {
    minHeight: "100vh",
    display: "grid",
    placeItems: "center",
    padding: tokens.spacingHorizontalL,
    boxSizing: "border-box",
    backgroundColor: tokens.colorNeutralBackground2,
  },
  cover: {
    width: "100vw",
    maxWidth: "none",
    height: "100vh",
    maxHeight: "none",
    padding: 0,
    border: "none",
    borderRadius: 0,
    overflowY: "auto",
  },
  card: { width: "min(26rem, 100%)", padding: tokens.spacingHorizontalXXL, gap: tokens.spacingVerticalL },
  form: { display: "grid", gap: tokens.spacingVerticalM },
  brand: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalM },
});

type Props = { reason: string; hint: string };

/** Who is not signed in sees this at whatever address; after it, the page of that address. covers: the pages of somebody
 * whose session has ended, and whatever is open above them. */
export function SignIn({ covers, ...said }: Props & { covers: boolean }) {
  return covers ? <Cover {...said} /> : <SignInForm {...said} />;
}

function Cover(props: Props) {
  const styles = useStyles();
  // Into a dialog below it, which is out of reach without.
  useFocusBack();
  return (
    <Dialog open modalType="alert">
      <DialogSurface className={styles.cover} aria-label="Sign in again">
        <SignInForm {...props} />
      </DialogSurface>
    </Dialog>
  );
}

function SignInForm({ reason, hint }: Props) {
  const styles = useStyles();
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    await signIn({ token: token.trim() });
    setBusy(false);
  };
  return (
    <main className={styles.page}>
      <Card className={styles.card}>
        <div className={styles.brand}>
          <img src="/portal/icon.svg" alt="" width={32} height={32} />
          <Title2 as="h1">Flowstead</Title2>
        </div>
        <div role="status">
          <Text weight="semibold" block>
            {reason}
          </Text>
          <Text>{hint}</Text>
        </div>
        <form className={styles.form} onSubmit={submit}>
          <Field label="Or sign in with a token" hint="flowstead token prints one.">
            <Input type="password" autoComplete="off" value={token} onChange={(_, { value }) => setToken(value)} />
          </Field>
          <Button type="submit" appearance="primary" disabled={!token.trim() || busy}>
            Sign in
          </Button>
        </form>
      </Card>
    </main>
  );
}
