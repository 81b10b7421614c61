import { Button, Checkbox, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, at, body, SITE, SUBSCRIPTION_ID, WORKSPACE_ID } from "../../api/client";
import { keyOf, noteChange } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { FormDialog } from "../../components/FormDialog";
import { Moment } from "../../components/Moment";
import { Panel } from "../../components/Panel";
import { Loaded } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { Facts } from "./Facts";

const ISSUER_KEYS = `${SUBSCRIPTION_ID}/providers/Flowstead.Access/issuerKeys`;
const ACCESS = "/subscriptions/{subscription}/providers/Flowstead.Access" as const;

const useStyles = makeStyles({ words: { color: tokens.colorNeutralForeground2 } });

/** The keys of the server itself: which they are, never the keys. */
export function Keys() {
  return (
    <>
      <IssuerKeys />
      <MasterKey />
    </>
  );
}

function IssuerKeys() {
  const styles = useStyles();
  const toasts = useToasts();
  const [asking, setAsking] = useState(false);
  const [endTokens, setEndTokens] = useState(false);
  const params = { path: { subscription: at().subscription } };
  const query = useQuery({
    queryKey: keyOf(ISSUER_KEYS),
    queryFn: () => body(api.GET(`${ACCESS}/issuerKeys`, { params })),
  });
  const rotate = async () => {
    await body(api.POST(`${ACCESS}/rotateIssuerKey`, { params, body: { endTokens } }));
    noteChange(ISSUER_KEYS);
    toasts.done("Tokens are signed with a new key.");
  };
  return (
    <Panel title="Issuer keys">
      <Text className={styles.words}>They sign the tokens of people, programs and endpoints.</Text>
      <Loaded query={query}>
        {({ issuer, keyId, since, rotatesAt, former }) => (
          <Facts
            facts={[
              { label: "Issuer", value: issuer, copy: issuer },
              { label: "Key id", value: keyId },
              { label: "Signs since", value: <Moment at={since} /> },
              { label: "Next rotation", value: <Moment at={rotatesAt} /> },
              ...former.map((key) => ({
                label: "Verifies still",
                value: (
                  <>
                    {key.keyId}, until <Moment at={key.until} />
                  </>
                ),
              })),
            ]}
          />
        )}
      </Loaded>
      <div>
        <Allowed to="issuerKeys/write" on={SUBSCRIPTION_ID}>
          <Button onClick={() => setAsking(true)}>Rotate issuer key</Button>
        </Allowed>
      </div>
      {asking && (
        <FormDialog title="Rotate the issuer key?" action="Rotate" onSubmit={rotate} onClose={() => setAsking(false)}>
          <p>A new key signs from now on. Tokens that are there stay good until they end.</p>
          <Checkbox
            label="The key has become known: end all tokens and sessions at once"
            checked={endTokens}
            onChange={(_, { checked }) => setEndTokens(checked === true)}
          />
        </FormDialog>
      )}
    </Panel>
  );
}

function MasterKey() {
  const styles = useStyles();
  const toasts = useToasts();
  const [asking, setAsking] = useState(false);
  const params = { path: at() };
  const query = useQuery({
    queryKey: keyOf("/masterKey"),
    queryFn: () => body(api.GET(`${SITE}/masterKey`, { params })),
  });
  const rotate = async () => {
    await body(api.POST(`${SITE}/rotateMasterKey`, { params }));
    noteChange(`${WORKSPACE_ID}/masterKey`);
    toasts.done("All secrets are sealed under another key.");
  };
  return (
    <Panel title="Master key">
      <Text className={styles.words}>It seals the secrets of connections and the keys of endpoints.</Text>
      <Loaded query={query}>
        {({ keyId, source, rotatedAt, secrets, finished }) => (
          <Facts
            facts={[
              { label: "Key id", value: keyId },
              { label: "Comes from", value: source },
              { label: "Rotated", value: rotatedAt ? <Moment at={rotatedAt} /> : "Never" },
              { label: "Sealed secrets", value: secrets },
              ...(finished ? [] : [{ label: "Rotation", value: "Not at its end: rotate again." }]),
            ]}
          />
        )}
      </Loaded>
      <div>
        <Allowed to="masterKey/write">
          <Button onClick={() => setAsking(true)}>Rotate master key</Button>
        </Allowed>
      </div>
      {asking && (
        <FormDialog title="Rotate the master key?" action="Rotate" onSubmit={rotate} onClose={() => setAsking(false)}>
          <p>
            All secrets are sealed under another key: a new one when the server keeps it in its home, else the one that
            its source has now. Endpoint keys and deployments stay as they are. Backups made before need the key before.
          </p>
        </FormDialog>
      )}
    </Panel>
  );
}
