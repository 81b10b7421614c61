import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { change, type Endpoint, endpointPath } from "../../api/endpoints";
import { CopyButton } from "../../components/CopyButton";
import { FormDialog } from "../../components/FormDialog";
import { Moment } from "../../components/Moment";
import { Section } from "../../components/Section";
import { Failure } from "../../components/states";
import { useToasts } from "../../components/toasts";

const HIDDEN = "•".repeat(16);

const useStyles = makeStyles({
  row: {
    display: "grid",
    gridTemplateColumns: "8rem minmax(0, 1fr) auto",
    gap: tokens.spacingHorizontalM,
    alignItems: "center",
    "@media (max-width: 640px)": { gridTemplateColumns: "1fr" },
  },
  secret: { fontFamily: tokens.fontFamilyMonospace, overflowWrap: "anywhere" },
  actions: { display: "flex", gap: tokens.spacingHorizontalXS, alignItems: "center" },
});

/** What opens the endpoint. Nothing secret is asked for before it is wanted, or kept when this is left. */
export function Credentials({ endpoint }: { endpoint: Endpoint }) {
  const mode = endpoint.properties.authMode;
  if (mode === "Key") return <KeyPair name={endpoint.name} />;
  if (mode === "AMLToken") return <EndpointToken name={endpoint.name} />;
  return (
    <Section title="Authentication">
      <Text>
        Callers bring a Microsoft Entra token of their own. They need the role AzureML Data Scientist on the endpoint,
        or one with Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action.
      </Text>
    </Section>
  );
}

type Keys = { primaryKey: string; secondaryKey: string };
type Which = { field: keyof Keys; type: "Primary" | "Secondary"; label: string; other: string };
const KEYS: readonly Which[] = [
  { field: "primaryKey", type: "Primary", label: "Primary key", other: "secondary" },
  { field: "secondaryKey", type: "Secondary", label: "Secondary key", other: "primary" },
];

function KeyPair({ name }: { name: string }) {
  const styles = useStyles();
  const toasts = useToasts();
  const [keys, setKeys] = useState<Keys | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [asked, setAsked] = useState<Which | null>(null);
  const path = endpointPath(name);
  const ask = async () => (await change<Keys>("POST", `${path}/listKeys`)) as Keys;
  const show = async () => {
    setFailure(null);
    await ask().then(setKeys, setFailure);
  };
  const regenerate = async ({ type, label }: Which) => {
    await change("POST", `${path}/regenerateKeys`, { keyType: type });
    toasts.done(`${label}: regenerated`);
    if (keys) await show();
  };
  return (
    <Section
      title="Keys"
      actions={
        <Button size="small" onClick={() => (keys ? setKeys(null) : void show())}>
          {keys ? "Hide keys" : "Show keys"}
        </Button>
      }
    >
      {KEYS.map((which) => (
        <div key={which.field} className={styles.row}>
          <Text>{which.label}</Text>
          <Text className={styles.secret}>{keys ? keys[which.field] : HIDDEN}</Text>
          <div className={styles.actions}>
            <CopyButton
              text={async () => (keys ?? (await ask()))[which.field]}
              what={which.label.toLowerCase()}
              onFailure={setFailure}
            />
            <Button size="small" aria-label={`Regenerate ${which.label.toLowerCase()}`} onClick={() => setAsked(which)}>
              Regenerate
            </Button>
          </div>
        </div>
      ))}
      {failure !== null && <Failure failure={failure} />}
      {asked && (
        <FormDialog
          title={`Regenerate the ${asked.label.toLowerCase()}?`}
          action="Regenerate"
          onSubmit={() => regenerate(asked)}
          onClose={() => setAsked(null)}
        >
          Callers that use it are refused (401) from then on. The {asked.other} key goes on working.
        </FormDialog>
      )}
    </Section>
  );
}

type Token = { accessToken: string; expiryTimeUtc: number; refreshAfterTimeUtc: number };

function EndpointToken({ name }: { name: string }) {
  const styles = useStyles();
  const [token, setToken] = useState<Token | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const get = async () => (await change<Token>("POST", `${endpointPath(name)}/token`)) as Token;
  const show = async () => {
    setFailure(null);
    await get().then(setToken, setFailure);
  };
  return (
    <Section
      title="Token"
      actions={
        <Button size="small" onClick={() => (token ? setToken(null) : void show())}>
          {token ? "Hide token" : "Get token"}
        </Button>
      }
    >
      <Text>Callers bring a token of this endpoint, which ends by itself and has to be fetched again before that.</Text>
      <div className={styles.row}>
        <Text>Token</Text>
        <Text className={styles.secret}>{token?.accessToken ?? HIDDEN}</Text>
        <div className={styles.actions}>
          <CopyButton text={async () => (token ?? (await get())).accessToken} what="token" onFailure={setFailure} />
        </div>
      </div>
      {token && (
        <Text>
          Ends <Moment at={instant(token.expiryTimeUtc)} />; fetch another one{" "}
          <Moment at={instant(token.refreshAfterTimeUtc)} />.
        </Text>
      )}
      {failure !== null && <Failure failure={failure} />}
    </Section>
  );
}

function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
