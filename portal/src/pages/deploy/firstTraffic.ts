/** An endpoint's first deployment gets all its traffic once it is ready. One that fails gets none. What is waited for is
 * kept in the browser, so that it goes on in the next page when this one is closed or loaded again. */

import { ApiError, all } from "../../api/client";
import { sameResource } from "../../api/creations";
import { type First, keepFirst, keptFirst } from "../../api/firstDeployments";
import { type Body, isFirst, withAllTraffic } from "./bodies";
import type { Deployment, Endpoint } from "./form";
import { get, put, settled } from "./sending";

/** Somebody else may change the endpoint meanwhile. */
const TRIES = 3;

/** Until the deployment has ended, and has its traffic when it is ready. */
export async function giveTraffic(first: First): Promise<void> {
  const isThis = (each: First) =>
    sameResource(each.endpoint, first.endpoint) && sameResource(each.deployment, first.deployment);
  keepFirst([...keptFirst().filter((each) => !isThis(each)), first]);
  try {
    await give(first);
  } finally {
    keepFirst(keptFirst().filter((each) => !isThis(each)));
  }
}

/** For those that an earlier page has waited for. Whether it was given, the endpoint's page shows. */
export async function goOn(): Promise<void> {
  await Promise.allSettled(keptFirst().map(giveTraffic));
}

async function give({ endpoint, deployment }: First): Promise<void> {
  const path = `/onlineEndpoints/${endpoint}`;
  const ended = await settled(`${path}/deployments/${deployment}`);
  if (ended.properties.provisioningState !== "Succeeded") return;
  for (let left = TRIES; ; left -= 1) {
    const [now, deployments] = await Promise.all([get<Endpoint & Body>(path), all<Deployment>(`${path}/deployments`)]);
    if (!isFirst(now.data, deployments, deployment)) return;
    try {
      const body = withAllTraffic(now.data as never, deployment);
      await put(path, body, { "If-Match": now.headers.get("ETag") ?? "*" });
      break;
    } catch (failure) {
      if (!(failure instanceof ApiError && failure.status === 412) || left <= 1) throw failure;
    }
  }
  const { provisioningState, provisioningError } = (await settled(path)).properties;
  if (provisioningState === "Failed") throw new Error(provisioningError?.message ?? "The traffic could not be set.");
}
