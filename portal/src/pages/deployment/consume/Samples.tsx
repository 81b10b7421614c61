import { makeStyles, Switch, Tab, TabList, Text, tokens } from "@fluentui/react-components";
import { useMemo, useState } from "react";
import { useRefusal } from "../../../api/may";
import { CodeEditor } from "../../../components/CodeEditor";
import { CopyButton } from "../../../components/CopyButton";
import { TAKES } from "../../../components/credentials/credential";
import { useOpener } from "../../../components/credentials/useOpener";
import type { Signature } from "../../../components/inputs/signature";
import { Failure } from "../../../components/states";
import type { Endpoint } from "../deployed";
import { SAMPLES } from "./samples";
import { exampleInputs, PLACEHOLDER } from "./samples/call";
import { Trust } from "./Trust";

type Props = { endpoint: Endpoint; deployment: string; signature: Signature };

const REMEMBERED = "flowstead.sampleLanguage";

const useStyles = makeStyles({
  place: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0 },
  tabs: { flexWrap: "wrap" },
  row: { display: "flex", flexWrap: "wrap", alignItems: "center", justifyContent: "space-between" },
});

/** The same call in several languages, with this endpoint's own inputs. */
export function Samples({ endpoint, deployment, signature }: Props) {
  const styles = useStyles();
  const [chosen, choose] = useState(() => localStorage.getItem(REMEMBERED) ?? "");
  const { opener, failure, show, hide } = useOpener(endpoint.name, endpoint.authMode);
  // Why, is said with the keys above.
  const isRefused = useRefusal(TAKES[endpoint.authMode], `/onlineEndpoints/${endpoint.name}`) !== null;
  const sample = SAMPLES.find(({ id }) => id === chosen) ?? SAMPLES[0];
  const inputs = useMemo(() => exampleInputs(signature.inputs, signature.sample), [signature]);
  if (!sample) return null;
  const isKey = endpoint.authMode === "Key";
  const code = sample.code({
    url: endpoint.scoringUri,
    deployment,
    inputs,
    opener: isKey ? "the primary or secondary key of the endpoint" : "a token for the endpoint, which expires",
    apiKey: opener?.secret ?? PLACEHOLDER,
  });
  return (
    <div className={styles.place}>
      <Text>
        Fill in the values of the inputs, and <code>api_key</code> with {isKey ? "one of the keys" : "a token"}.
      </Text>
      <TabList
        className={styles.tabs}
        size="small"
        aria-label="Language"
        selectedValue={sample.id}
        onTabSelect={(_, { value }) => {
          localStorage.setItem(REMEMBERED, String(value));
          choose(String(value));
        }}
      >
        {SAMPLES.map(({ id, label }) => (
          <Tab key={id} value={id}>
            {label}
          </Tab>
        ))}
      </TabList>
      <div className={styles.row}>
        <Switch
          label={isKey ? "Fill in the primary key" : "Fill in a token"}
          checked={opener !== undefined}
          disabled={isRefused}
          onChange={opener ? hide : show}
        />
        <CopyButton text={code} what="code" />
      </div>
      {failure !== null && <Failure failure={failure} />}
      <CodeEditor
        key={sample.id}
        label={`Sample in ${sample.label}`}
        language={sample.language}
        value={code}
        readOnly
      />
      <Trust url={endpoint.scoringUri} sample={sample} />
    </div>
  );
}
