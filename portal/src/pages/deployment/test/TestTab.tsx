import { MessageBar, MessageBarBody, MessageBarTitle, makeStyles } from "@fluentui/react-components";
import { useMemo } from "react";
import { errorOfRefusal, useRefusal } from "../../../api/may";
import { ChatWindow } from "../../../components/chat/ChatWindow";
import { Credential, TAKES } from "../../../components/credentials/credential";
import type { Signature } from "../../../components/inputs/signature";
import { Failure, Loaded, Loading } from "../../../components/states";
import { type Deployed, notReady, useDeployed, useSignature } from "../deployed";
import { StoppedBar } from "../life/StoppedBar";
import { StandardTest } from "./StandardTest";
import { headingOf, score, sendVerdict, type Target } from "./scoring";

// The lines of a failure stay apart.
const useStyles = makeStyles({ said: { whiteSpace: "pre-wrap", overflowWrap: "anywhere" } });

/** Calls the deployment with inputs that a person gives: a chat with a chat flow, a form for any other. */
export default function TestTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  const deployed = useDeployed(endpoint, deployment);
  const signature = useSignature(deployed.data);
  return (
    <Loaded query={deployed}>
      {(data) => {
        if (signature.data) return <Tested deployed={data} signature={signature.data} />;
        if (!signature.isError) return <Loading />;
        return (
          <Failure
            title="It is not known what this flow takes: its model cannot be read."
            failure={signature.error}
            retry={() => void signature.refetch()}
          />
        );
      }}
    </Loaded>
  );
}

function Tested({ deployed, signature }: { deployed: Deployed; signature: Signature }) {
  const styles = useStyles();
  const { name: endpoint, authMode } = deployed.endpoint;
  const deployment = deployed.deployment.name;
  const target: Target = useMemo(
    () => ({ endpoint, deployment, credential: new Credential(endpoint, authMode) }),
    [endpoint, deployment, authMode],
  );
  const obstacle = notReady(deployed.deployment);
  const refused = useRefusal(TAKES[authMode], `/onlineEndpoints/${endpoint}`);
  const refusalOf = () => {
    if (refused) return <Failure failure={errorOfRefusal(refused)} />;
    if (deployed.deployment.stopped) return <StoppedBar endpoint={endpoint} deployment={deployment} />;
    return (
      obstacle && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody className={styles.said}>
            <MessageBarTitle>{obstacle.title}</MessageBarTitle>
            {obstacle.text}
          </MessageBarBody>
        </MessageBar>
      )
    );
  };
  const refusal = refusalOf();
  if (!signature.chat?.input) return <StandardTest signature={signature} target={target} refusal={refusal} />;
  return (
    <ChatWindow
      signature={signature}
      send={(inputs, signal) => score(target, inputs, signal)}
      onVerdict={(turn, verdict) => sendVerdict(target, turn.about, verdict)}
      headingOf={headingOf}
      refusal={refusal}
    />
  );
}
