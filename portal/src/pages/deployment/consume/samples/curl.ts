import { type Call, jsonOf, type Sample } from "./call";

const trust = "export CURL_CA_BUNDLE=ca.pem";

export const curl: Sample = { id: "curl", label: "curl", language: "shell", code, trust };

function code({ url, deployment, inputs, opener, apiKey }: Call): string {
  return `# api_key is ${opener}.
api_key=${word(apiKey)}

# The header azureml-model-deployment sends the request to one deployment.
# Leave it out to follow the endpoint's traffic rules.
curl --fail-with-body ${word(url)} \\
  --header "Authorization: Bearer $api_key" \\
  --header 'Content-Type: application/json' \\
  --header ${word(`azureml-model-deployment: ${deployment}`)} \\
  --data-raw ${word(jsonOf(inputs))}
`;
}

/** In single quotes a shell reads everything as it is, but for these. */
function word(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
