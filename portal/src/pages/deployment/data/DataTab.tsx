import { makeStyles, Tab, TabList, Text, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, at, body, SITE } from "../../../api/client";
import { keyOf } from "../../../api/queries";
import { RouteButton } from "../../../components/RouteLink";
import { groupsOf, prefixOf } from "../../../components/records/collections";
import { RecordsTable } from "../../../components/records/RecordsTable";
import { Section } from "../../../components/Section";
import { Empty, Loaded } from "../../../components/states";

const useStyles = makeStyles({ quiet: { color: tokens.colorNeutralForeground2 } });

type Collector = {
  collections: Record<string, { dataCollectionMode: string; samplingRate?: number }>;
  rollingRate?: string;
};
type Deployment = { properties: { dataCollector?: Collector | null } };

/** What the deployment has collected. */
export default function DataTab({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  const query = useQuery({
    queryKey: keyOf(`/onlineEndpoints/${endpoint}/deployments/${deployment}`),
    queryFn: () =>
      body(
        api.GET(`${SITE}/onlineEndpoints/{endpoint}/deployments/{deployment}`, {
          params: { path: at({ endpoint, deployment }) },
        }),
      ) as Promise<Deployment>,
  });
  return (
    <Loaded query={query}>
      {({ properties }) => {
        const enabled = Object.entries(properties.dataCollector?.collections ?? {}).filter(
          ([, each]) => each.dataCollectionMode === "Enabled",
        );
        if (enabled.length === 0) return <Off endpoint={endpoint} deployment={deployment} />;
        return <Collected endpoint={endpoint} deployment={deployment} enabled={enabled.map(([name]) => name)} />;
      }}
    </Loaded>
  );
}

type Place = { endpoint: string; deployment: string };

function Collected({ endpoint, deployment, enabled }: Place & { enabled: string[] }) {
  const styles = useStyles();
  const prefixes = new Map(enabled.map((name) => [name, prefixOf({ endpoint, deployment, collection: name })]));
  const groups = groupsOf(prefixes);
  const [label, setLabel] = useState("");
  const shown = groups.find((group) => group.label === label) ?? groups[0];
  if (!shown) return null;
  return (
    <Section
      title="Collected records"
      actions={
        groups.length > 1 && (
          <TabList size="small" selectedValue={shown.label} onTabSelect={(_, { value }) => setLabel(String(value))}>
            {groups.map((group) => (
              <Tab key={group.label} value={group.label}>
                {group.label}
              </Tab>
            ))}
          </TabList>
        )
      }
    >
      <Text size={200} className={styles.quiet}>
        A row for each request, joined by its request ID. The same records are data assets, under Data.
      </Text>
      <RecordsTable key={shown.label} sources={shown.sources} />
    </Section>
  );
}

function Off({ endpoint, deployment }: Place) {
  return (
    <Empty title="Inference data collection is off" action={<RouteButton to="/flows">Go to flows</RouteButton>}>
      Nothing of this deployment's inputs and outputs is kept. To turn it on, open its flow, select Deploy, choose the
      endpoint {endpoint} and the deployment {deployment}, and enable Inference data collection. What was collected
      earlier stays under Data.
    </Empty>
  );
}
