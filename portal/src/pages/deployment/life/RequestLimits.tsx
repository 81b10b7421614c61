import { Button } from "@fluentui/react-components";
import { useState } from "react";
import { type Deployment, useEndpoint, useWorkspace } from "../../../api/endpoints";
import { Allowed } from "../../../components/Allowed";
import { type Fact, Facts } from "../../../components/Facts";
import { Section } from "../../../components/Section";
import { LIMITS, limitsOf } from "../../deploy/limits";
import { ChangeLimits } from "./ChangeLimits";
import { spokenRate, spokenSize } from "./doorLimits";

/** What its callers are held to, and where that is changed. */
export function RequestLimits({ endpoint, deployment }: { endpoint: string; deployment: Deployment }) {
  const [isAsked, setAsked] = useState(false);
  const limits = limitsOf(deployment.properties.requestSettings);
  const own = LIMITS.map(({ key, label, spoken }): Fact => ({ label, value: spoken(limits[key]) }));
  return (
    <Section
      title="Request limits"
      actions={
        <Allowed to="onlineEndpoints/deployments/write" on={deployment.id}>
          <Button
            size="small"
            disabled={deployment.properties.provisioningState === "Deleting"}
            onClick={() => setAsked(true)}
          >
            Change limits
          </Button>
        </Allowed>
      }
    >
      <Facts facts={[...own, ...useDoorFacts(endpoint)]} />
      {isAsked && <ChangeLimits endpoint={endpoint} deployment={deployment} onClose={() => setAsked(false)} />}
    </Section>
  );
}

/** What holds for it and for others too. */
function useDoorFacts(endpoint: string): readonly Fact[] {
  const door = useWorkspace().data?.properties;
  const own = useEndpoint(endpoint).data?.resource.properties.requestsPerSecond;
  if (!door) return [];
  return [
    { label: "Requests per second of the endpoint", value: spokenRate(own, door.requestsPerSecond) },
    { label: "Largest body of a request", value: `${spokenSize(door.maxRequestBytes)}, of the whole server` },
  ];
}
