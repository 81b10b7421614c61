/** The types of connections, one entry each: what its form asks for, and where in the resource that is kept. */

import { type Connection, type ConnectionType, type Field, FLOW_MODULE, FLOW_TYPE, KIND } from "./type";

const KEY_OR_ENTRA = ["ApiKey", "AAD"] as const;
const DATABASE = ["UsernamePassword", "ServicePrincipal", "None"] as const;

const ENDPOINT: Field = {
  at: "target",
  label: "Endpoint",
  hint: "As in https://NAME.openai.azure.com.",
  required: true,
  url: true,
};
const ADDRESS: Field = { at: "target", label: "Target", hint: "Where it leads.", required: true };
const API_VERSION: Field = { at: "metadata.ApiVersion", label: "API version" };
const API_TYPE: Field = { at: "metadata.ApiType", label: "API type" };
const RESOURCE_ID: Field = {
  at: "metadata.ResourceId",
  label: "Resource ID",
  hint: "Of the Azure resource; roles on it are what an identity needs that signs in.",
};

/** In the order in which they are offered. */
export const TYPES: readonly ConnectionType[] = [
  {
    word: "azure_open_ai",
    label: "Azure OpenAI",
    group: "Models",
    category: "AzureOpenAi",
    auths: KEY_OR_ENTRA,
    fields: [ENDPOINT, { ...API_VERSION, placeholder: "2024-02-01" }, RESOURCE_ID],
    fixed: { ApiType: "Azure" },
  },
  {
    word: "open_ai",
    label: "OpenAI",
    group: "Models",
    category: "OpenAi",
    auths: ["ApiKey"],
    fields: [
      {
        at: "target",
        label: "Base URL",
        hint: "Of a server that speaks OpenAI's protocol; OpenAI itself when it is empty.",
        url: true,
      },
      { at: "metadata.organization", label: "Organization" },
    ],
  },
  {
    word: "azure_ai_services",
    label: "Azure AI Services",
    group: "Models",
    category: "AIServices",
    auths: KEY_OR_ENTRA,
    fields: [{ ...ENDPOINT, hint: "As in https://NAME.cognitiveservices.azure.com." }, RESOURCE_ID],
  },
  {
    word: "serverless",
    label: "Serverless model",
    group: "Models",
    category: "Serverless",
    auths: ["ApiKey"],
    fields: [{ ...ENDPOINT, hint: "Of the model's serverless API." }],
  },
  {
    word: "azure_ai_search",
    label: "Azure AI Search",
    group: "Search and vectors",
    category: "CognitiveSearch",
    auths: KEY_OR_ENTRA,
    fields: [{ ...ENDPOINT, hint: "As in https://NAME.search.windows.net." }, API_VERSION, API_TYPE],
  },
  {
    word: "serp",
    label: "Serp",
    group: "Search and vectors",
    category: "Serp",
    auths: ["ApiKey"],
    fields: [],
  },
  ...(["Qdrant", "Weaviate"] as const).map(
    (name): ConnectionType => ({
      word: name.toLowerCase(),
      label: name,
      group: "Search and vectors",
      category: "CustomKeys",
      auths: ["CustomKeys"],
      keys: [{ name: "api_key", label: "Key" }],
      fields: [{ at: "target", label: "API base", hint: `The address of ${name}.`, required: true, url: true }],
      fixed: { [FLOW_TYPE]: name, [FLOW_MODULE]: "promptflow.connections" },
      targetAlsoAs: "api_base",
    }),
  ),
  ...(
    [
      ["azure_content_safety", "Azure AI Content Safety", "Content Safety", [API_VERSION, API_TYPE]],
      ["azure_speech_services", "Azure AI Speech", "speech", []],
      [
        "form_recognizer",
        "Azure AI Document Intelligence (Form Recognizer)",
        "Form Recognizer",
        [API_VERSION, API_TYPE],
      ],
    ] as const
  ).map(
    ([word, label, kind, more]): ConnectionType => ({
      word,
      label,
      group: "Azure AI",
      category: "CognitiveService",
      auths: KEY_OR_ENTRA,
      fields: [{ ...ENDPOINT, hint: "As in https://NAME.cognitiveservices.azure.com." }, ...more],
      fixed: { [KIND]: kind },
    }),
  ),
  {
    word: "custom",
    label: "Custom",
    group: "General",
    category: "CustomKeys",
    auths: ["CustomKeys", "None"],
    anyKeys: true,
    configs: "What flows may read and everybody may see, as connection.NAME.",
    fields: [{ ...ADDRESS, hint: "Where it leads; may be empty.", required: false }],
    fixed: { [FLOW_TYPE]: "Custom", [FLOW_MODULE]: "promptflow.connections" },
  },
  {
    word: "api_key",
    label: "API key",
    group: "General",
    category: "ApiKey",
    auths: ["ApiKey"],
    fields: [{ ...ENDPOINT, label: "API base", hint: "The address that the key is for." }],
  },
  {
    word: "git",
    label: "Git",
    group: "Sources",
    category: "Git",
    auths: ["PAT", "UsernamePassword", "None"],
    fields: [{ ...ADDRESS, hint: "As in https://git.example.com/team/flows." }],
  },
  {
    word: "python_feed",
    label: "Python feed",
    group: "Sources",
    category: "PythonFeed",
    auths: ["UsernamePassword", "PAT", "None"],
    fields: [{ ...ADDRESS, hint: "The address of the package index." }],
  },
  {
    word: "container_registry",
    label: "Container registry",
    group: "Sources",
    category: "ContainerRegistry",
    auths: ["UsernamePassword", "ManagedIdentity"],
    fields: [{ ...ADDRESS, hint: "As in https://NAME.azurecr.io." }],
  },
  {
    word: "azure_blob",
    label: "Azure Blob Storage",
    group: "Storage and databases",
    category: "AzureBlob",
    auths: ["SAS", "AccountKey", "AAD"],
    fields: [
      { ...ADDRESS, label: "URL", hint: "As in https://ACCOUNT.blob.core.windows.net/CONTAINER.", url: true },
      { at: "metadata.AccountName", label: "Account name", required: true },
      { at: "metadata.ContainerName", label: "Container name", required: true },
    ],
  },
  {
    word: "azure_data_lake_gen2",
    label: "Azure Data Lake Storage Gen2",
    group: "Storage and databases",
    category: "ADLSGen2",
    auths: ["AAD", "ServicePrincipal", "SAS", "AccountKey"],
    fields: [ADDRESS],
  },
  {
    word: "azure_one_lake",
    label: "Microsoft OneLake",
    group: "Storage and databases",
    category: "AzureOneLake",
    auths: ["AAD", "ServicePrincipal"],
    fields: [{ ...ADDRESS, hint: "As in https://HOST/WORKSPACE/LAKEHOUSE.Lakehouse.", url: true }],
  },
  {
    word: "s3",
    label: "Amazon S3",
    group: "Storage and databases",
    category: "S3",
    auths: ["AccessKey", "None"],
    fields: [{ ...ADDRESS, hint: "The bucket's address." }],
  },
  ...(
    [
      ["snowflake", "Snowflake", "Snowflake"],
      ["azure_sql_db", "Azure SQL Database", "AzureSqlDb"],
      ["azure_synapse_analytics", "Azure Synapse Analytics", "AzureSynapseAnalytics"],
      ["azure_my_sql_db", "Azure Database for MySQL", "AzureMySqlDb"],
      ["azure_postgres_db", "Azure Database for PostgreSQL", "AzurePostgresDb"],
    ] as const
  ).map(
    ([word, label, category]): ConnectionType => ({
      word,
      label,
      group: "Storage and databases",
      category,
      auths: DATABASE,
      fields: [{ ...ADDRESS, hint: "The connection string, without a password." }],
    }),
  ),
  {
    word: "other",
    label: "Another category",
    group: "General",
    category: "",
    auths: [
      ...([
        "ApiKey",
        "CustomKeys",
        "AAD",
        "None",
        "PAT",
        "SAS",
        "AccountKey",
        "AccessKey",
        "UsernamePassword",
      ] as const),
      ...(["ServicePrincipal", "ManagedIdentity", "AccountManagedIdentity", "OAuth2"] as const),
    ],
    anyKeys: true,
    configs: "What is said of it besides; everybody may see it.",
    fields: [
      { at: "category", label: "Category", hint: "Azure's name for it, as in Redis.", required: true },
      { ...ADDRESS, required: false },
    ],
  },
];

export const GROUPS = [
  "Models",
  "Search and vectors",
  "Azure AI",
  "General",
  "Sources",
  "Storage and databases",
] as const;

const OTHER = "other";

export function typeNamed(word: string): ConnectionType | undefined {
  return TYPES.find((type) => type.word === word);
}

/** The type of a connection that is there: by category and, where several share one, by what its metadata says. */
export function typeOf({ properties }: Connection): ConnectionType {
  const same = TYPES.filter((type) => spelling(type.category) === spelling(properties.category));
  const metadata = properties.metadata;
  const exact = same.find((type) => matches(type, metadata));
  const found = exact ?? (same.length === 1 ? same[0] : undefined) ?? same.find((type) => type.anyKeys);
  return found ?? (typeNamed(OTHER) as ConnectionType);
}

function matches(type: ConnectionType, metadata: Record<string, unknown>): boolean {
  const tells = Object.entries(type.fixed ?? {}).filter(([name]) => name === KIND || name === FLOW_TYPE);
  return tells.length > 0 && tells.every(([name, value]) => spelling(String(metadata[name] ?? "")) === spelling(value));
}

function spelling(written: string): string {
  return written.toLowerCase().replace(/[_\- ]/g, "");
}
