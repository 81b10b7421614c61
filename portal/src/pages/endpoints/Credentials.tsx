import { Text } from "@fluentui/react-components";
import type { Endpoint } from "../../api/endpoints";
import { Keys } from "../../components/credentials/Keys";
import { Token } from "../../components/credentials/Token";
import { Section } from "../../components/Section";

/** What opens the endpoint. Nothing secret is asked for before it is wanted, or kept when this is left. */
export function Credentials({ endpoint: { name, properties } }: { endpoint: Endpoint }) {
  const mode = properties.authMode;
  if (mode === "Key") {
    return (
      <Section title="Keys">
        <Keys endpoint={name} />
      </Section>
    );
  }
  if (mode === "AMLToken") {
    return (
      <Section title="Token">
        <Text>Callers bring a token of this endpoint, which expires and has to be fetched again before that.</Text>
        <Token endpoint={name} mode={mode} />
      </Section>
    );
  }
  return (
    <Section title="Authentication">
      <Text>
        Callers bring a Microsoft Entra token of their own. They need the role AzureML Data Scientist on the endpoint,
        or one with Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action.
      </Text>
    </Section>
  );
}
