/** Stopping and starting a deployment, and what that means for callers. */

import { change, deploymentPath, type Endpoint } from "../../../api/endpoints";

export async function stop(endpoint: string, deployment: string): Promise<void> {
  await change("POST", `${deploymentPath(endpoint, deployment)}/stop`);
}

/** Throws ApiError when the quota has not enough cores left. */
export async function start(endpoint: string, deployment: string): Promise<void> {
  await change("POST", `${deploymentPath(endpoint, deployment)}/start`);
}

type Shares = Pick<Endpoint["properties"], "traffic" | "mirrorTraffic">;

/** Whose requests are answered 503 while it is stopped. shares: null while they are not known. */
export function missedBy(deployment: string, shares: Shares | null): string {
  const live = shares?.traffic[deployment] ?? 0;
  const mirrored = shares?.mirrorTraffic[deployment] ?? 0;
  if (live === 100) return "All requests of the endpoint go to it: they are answered 503 while it is stopped.";
  if (live > 0) {
    return `${live} % of the endpoint's requests go to it: they are answered 503 while it is stopped, and go to no other deployment.`;
  }
  const named = "A request that names it is answered 503 while it is stopped.";
  if (mirrored > 0) return `It gets no live traffic; the copies that are mirrored to it are dropped. ${named}`;
  return `It gets no traffic of the endpoint. ${named}`;
}
