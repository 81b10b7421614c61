import { Field, Input, makeStyles, Subtitle1, Text, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";
import type { AuthMode } from "../../../api/endpoints";
import { CopyButton } from "../../../components/CopyButton";
import { Keys } from "../../../components/credentials/Keys";
import { Token } from "../../../components/credentials/Token";
import { Failure, Loaded, Loading } from "../../../components/states";
import { useDeployed, useSignature } from "../deployed";
import { StoppedBar } from "../life/StoppedBar";
import { Samples } from "./Samples";

const useStyles = makeStyles({
  place: { display: "grid", gap: tokens.spacingVerticalXXL, minWidth: 0 },
  part: { display: "grid", gap: tokens.spacingVerticalM, minWidth: 0, maxWidth: "56rem" },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** How callers prove themselves, by the endpoint's mode. */
const MODES: Record<AuthMode, string> = {
  Key: "Key-based: either of two keys, which do not expire.",
  AMLToken: "Azure Machine Learning token-based: a token of this endpoint, which expires and is renewed.",
  AADToken: "Microsoft Entra token-based: a caller's own token, for those who may call this endpoint.",
};

/** How programs call the endpoint. */
export default function ConsumeTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  const styles = useStyles();
  const deployed = useDeployed(endpoint, deployment);
  const signature = useSignature(deployed.data);
  return (
    <Loaded query={deployed}>
      {(data) => {
        const { authMode, scoringUri, swaggerUri } = data.endpoint;
        return (
          <div className={styles.place}>
            {data.deployment.stopped && <StoppedBar endpoint={endpoint} deployment={deployment} />}
            <Part title="Endpoint">
              <Address label="REST endpoint" url={scoringUri} />
              <Address label="Swagger URI" url={swaggerUri} />
            </Part>
            <Part title="Authentication">
              <Text className={styles.quiet}>{MODES[authMode]}</Text>
              {authMode === "Key" ? <Keys endpoint={endpoint} /> : <Token endpoint={endpoint} mode={authMode} />}
            </Part>
            <Part title="Sample code">
              {signature.isError && (
                <Failure
                  title="It is not known what this flow takes: its model cannot be read."
                  failure={signature.error}
                  retry={() => void signature.refetch()}
                />
              )}
              {signature.data && (
                <Samples endpoint={data.endpoint} deployment={deployment} signature={signature.data} />
              )}
              {signature.isPending && <Loading />}
            </Part>
          </div>
        );
      }}
    </Loaded>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  const styles = useStyles();
  return (
    <section className={styles.part} aria-label={title}>
      <Subtitle1 as="h2">{title}</Subtitle1>
      {children}
    </section>
  );
}

function Address({ label, url }: { label: string; url: string }) {
  return (
    <Field label={label}>
      <Input readOnly value={url} contentAfter={<CopyButton text={url} what={label} />} />
    </Field>
  );
}
