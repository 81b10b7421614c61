/** What a list of deployments says of their endpoints. Pure. */

import type { DeploymentRow, Endpoint } from "../../api/endpoints";

export type EndpointRow = {
  endpoint: Endpoint;
  deployments: DeploymentRow[];
  ready: number;
  asleep: number;
  wanted: number;
  requests: number;
};

/** The endpoints with their deployments, in the order of the endpoints. */
export function rowsOf(endpoints: readonly Endpoint[], deployments: readonly DeploymentRow[]): EndpointRow[] {
  const byEndpoint = new Map<string, DeploymentRow[]>();
  for (const each of deployments) {
    const name = each.properties.endpoint.toLowerCase();
    const found = byEndpoint.get(name);
    if (found) found.push(each);
    else byEndpoint.set(name, [each]);
  }
  return endpoints.map((endpoint) => {
    const own = byEndpoint.get(endpoint.name.toLowerCase()) ?? [];
    const sum = (of: (row: DeploymentRow) => number) => own.reduce((total, row) => total + of(row), 0);
    return {
      endpoint,
      deployments: own,
      ready: sum((row) => row.properties.instances.ready),
      asleep: sum((row) => row.properties.instances.asleep),
      wanted: sum((row) => row.properties.instances.wanted),
      requests: sum((row) => row.properties.requestsLastHour),
    };
  });
}

/** `90 %`, `mirror 10 %`, `0 %`. */
export function spokenShare({ properties: { traffic, mirrorTraffic } }: DeploymentRow): string {
  return mirrorTraffic ? `mirror ${mirrorTraffic} %` : `${traffic} %`;
}

/** Those of them that are stopped, by name. */
export function stoppedOf(deployments: readonly DeploymentRow[]): ReadonlySet<string> {
  return new Set(deployments.filter(({ properties }) => properties.state === "Stopped").map(({ name }) => name));
}

/** `blue 90 %, green (stopped) 10 %`; `None` when nobody gets any. */
export function spokenTraffic(
  { properties: { traffic, mirrorTraffic } }: Endpoint,
  stopped: ReadonlySet<string> = new Set(),
): string {
  const named = (name: string) => (stopped.has(name) ? `${name} (stopped)` : name);
  const shares = Object.entries(traffic).sort(([, a], [, b]) => b - a);
  const mirrored = Object.entries(mirrorTraffic);
  const said = [
    ...shares.map(([name, share]) => `${named(name)} ${share} %`),
    ...mirrored.map(([name, share]) => `mirror ${named(name)} ${share} %`),
  ];
  return said.join(", ") || "None";
}
