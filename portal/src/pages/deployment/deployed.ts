/** A deployment with its endpoint and its flow, as the Test and Consume tabs need it. */

import { useQuery } from "@tanstack/react-query";
import { all, api, at, body, errorOf, SITE, send, urlOf } from "../../api/client";
import type { AuthMode } from "../../api/endpoints";
import { parseJson } from "../../api/exactJson";
import { keyOf } from "../../api/queries";
import { type Signature, signatureOf } from "../../components/inputs/signature";

export type Endpoint = { name: string; authMode: AuthMode; scoringUri: string; swaggerUri: string };
export type Deployment = {
  name: string;
  state: string;
  /** Id of the model's version. */
  model: string;
  /** Names of the outputs that are answered; null for all. */
  includedOutputs: readonly string[] | null;
  /** Why the last change failed. */
  failure: string;
  readyInstances: number;
  stopped: boolean;
};
export type Deployed = { endpoint: Endpoint; deployment: Deployment };

/** States of an instance that gets requests: one that sleeps is woken by them. */
const ANSWERING = new Set(["Ready", "Dormant", "Waking"]);
/** No event tells when an instance gets ready: until one is, it is asked again. */
const ASK_AGAIN_MS = 2000;

/** Kept fresh by what happens to the endpoint and to what lies below it. */
export function useDeployed(endpoint: string, deployment: string) {
  return useQuery({
    refetchInterval: ({ state: { data } }) => (isAwaited(data?.deployment) ? ASK_AGAIN_MS : false),
    queryKey: keyOf(`/onlineEndpoints/${endpoint}`, "with", deployment),
    queryFn: async (): Promise<Deployed> => {
      const [above, below] = await Promise.all([showEndpoint(endpoint), showDeployment(endpoint, deployment)]);
      return { endpoint: above, deployment: below };
    },
  });
}

function isAwaited(deployment: Deployment | undefined): boolean {
  return deployment !== undefined && deployment.readyInstances === 0 && !deployment.stopped;
}

/** What the flow takes and what of its outputs this deployment answers. */
export function useSignature(deployed: Deployed | undefined) {
  const { model = "", includedOutputs = null } = deployed?.deployment ?? {};
  return useQuery({
    queryKey: keyOf(`${model}/flow`, includedOutputs),
    enabled: model !== "",
    queryFn: async (): Promise<Signature> => {
      const answer = await send(urlOf(`${model}/flow`));
      if (!answer.ok) throw await errorOf(answer);
      const { properties } = parseJson(await answer.text()) as { properties: object };
      return answering(signatureOf(properties), includedOutputs);
    },
  });
}

/** The signature with those outputs alone that are answered. */
export function answering(signature: Signature, included: readonly string[] | null): Signature {
  const outputs = signature.outputs.filter(({ name, evaluationOnly }) =>
    included ? included.includes(name) : !evaluationOnly,
  );
  const isAnswered = outputs.some(({ name }) => name === signature.chat?.output);
  const chat = signature.chat && { ...signature.chat, output: isAnswered ? signature.chat.output : null };
  return { ...signature, outputs, chat };
}

/** What keeps a deployment from answering, and what to do; null when it may answer. */
export function notReady({ state, readyInstances, failure }: Deployment): { title: string; text: string } | null {
  if (readyInstances > 0) return null;
  if (state === "Failed") {
    return {
      title: "This deployment failed, so it cannot answer.",
      text: `${failure || "Its instances did not start."} The Details and Logs tabs tell more.`,
    };
  }
  if (state === "Succeeded") {
    return {
      title: "No instance of this deployment is ready.",
      text: "They may be starting again. The Details tab shows their state, the Logs tab what they say.",
    };
  }
  return {
    title: `This deployment is not ready: its state is ${state}.`,
    text: "Wait until it is Succeeded; this page notices by itself. The notifications show how far it is.",
  };
}

async function showEndpoint(endpoint: string): Promise<Endpoint> {
  const found = await body(api.GET(`${SITE}/onlineEndpoints/{endpoint}`, { params: { path: at({ endpoint }) } }));
  const { authMode, scoringUri, swaggerUri } = found.properties as unknown as Omit<Endpoint, "name">;
  return { name: found.name, authMode, scoringUri, swaggerUri };
}

type DeploymentProperties = {
  provisioningState: string;
  model: string;
  includedOutputs: string[] | null;
  state: string;
  provisioningError?: { message?: string };
};

async function showDeployment(endpoint: string, deployment: string): Promise<Deployment> {
  const path = `/onlineEndpoints/${endpoint}/deployments/${deployment}`;
  const [found, instances] = await Promise.all([
    body(
      api.GET(`${SITE}/onlineEndpoints/{endpoint}/deployments/{deployment}`, {
        params: { path: at({ endpoint, deployment }) },
      }),
    ),
    all<{ properties: { state: string } }>(`${path}/instances`),
  ]);
  const { provisioningState, model, includedOutputs, provisioningError, state } =
    found.properties as unknown as DeploymentProperties;
  return {
    name: found.name,
    state: provisioningState,
    model,
    includedOutputs,
    failure: provisioningError?.message ?? "",
    readyInstances: instances.filter(({ properties }) => ANSWERING.has(properties.state)).length,
    stopped: state === "Stopped",
  };
}
