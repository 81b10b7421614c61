/** What a type of connection is, and the ways to authenticate. */

export const KIND = "Kind";
export const FLOW_TYPE = "azureml.flow.connection_type";
export const FLOW_MODULE = "azureml.flow.module";

/** at: `category`, `target`, `metadata.NAME` or `credentials.NAME`. */
export type Field = {
  at: string;
  label: string;
  hint?: string;
  placeholder?: string;
  required?: boolean;
  url?: boolean;
};

export type Key = { name: string; label: string };

export type ConnectionType = {
  /** Of `type:` in YAML; also its key. */
  word: string;
  label: string;
  group: string;
  category: string;
  auths: readonly AuthType[];
  fields: readonly Field[];
  /** Custom keys that it has always. */
  keys?: readonly Key[];
  /** It may have any number of custom keys. */
  anyKeys?: boolean;
  /** It may have any metadata: the hint of that. */
  configs?: string;
  /** Metadata by which it is told from others of its category. */
  fixed?: Readonly<Record<string, string>>;
  /** Metadata that repeats the target, where flows look for it. */
  targetAlsoAs?: string;
};

/** How a connection authenticates: its label and the secrets that it keeps. */
export const AUTHS = {
  ApiKey: { label: "API key", secrets: [{ name: "key", label: "Key" }] },
  AAD: { label: "Microsoft Entra ID", secrets: [] },
  CustomKeys: { label: "Custom keys", secrets: [] },
  None: { label: "None", secrets: [] },
  PAT: { label: "Personal access token", secrets: [{ name: "pat", label: "Personal access token" }] },
  SAS: { label: "SAS token", secrets: [{ name: "sas", label: "SAS token" }] },
  // Azure ML's clients keep it under this name.
  AccountKey: { label: "Account key", secrets: [{ name: "sas", label: "Account key" }] },
  AccessKey: {
    label: "Access key",
    secrets: [
      { name: "accessKeyId", label: "Access key ID" },
      { name: "secretAccessKey", label: "Secret access key" },
    ],
  },
  UsernamePassword: {
    label: "User name and password",
    secrets: [
      { name: "username", label: "User name" },
      { name: "password", label: "Password" },
    ],
  },
  ServicePrincipal: {
    label: "Service principal",
    secrets: [
      { name: "tenantId", label: "Tenant ID" },
      { name: "clientId", label: "Client ID" },
      { name: "clientSecret", label: "Client secret" },
    ],
  },
  ManagedIdentity: { label: "Managed identity", secrets: [] },
  AccountManagedIdentity: { label: "Managed identity of the account", secrets: [] },
  OAuth2: {
    label: "OAuth 2.0",
    secrets: [
      { name: "authUrl", label: "Authorization URL" },
      { name: "clientId", label: "Client ID" },
      { name: "clientSecret", label: "Client secret" },
      { name: "refreshToken", label: "Refresh token" },
    ],
  },
} as const satisfies Record<string, { label: string; secrets: readonly Key[] }>;

export type AuthType = keyof typeof AUTHS;

/** What each of them means for the flows that use the connection; said under the choice. */
export const AUTH_HINTS: Partial<Record<AuthType, string>> = {
  AAD: "No key is kept: flows sign in as their endpoint's identity (auth_mode meid_token), which needs a role on the target resource, such as Cognitive Services OpenAI User.",
  ManagedIdentity: "No secret is kept.",
  AccountManagedIdentity: "No secret is kept.",
};

export type Connection = {
  id: string;
  name: string;
  properties: {
    category: string;
    authType: AuthType;
    target?: string | null;
    metadata: Record<string, unknown>;
    credentialNames: string[];
    isSharedToAll?: boolean;
  };
  systemData?: { createdBy: string; createdAt: string; lastModifiedBy: string; lastModifiedAt: string };
};

export function authLabel(authType: string): string {
  return AUTHS[authType as AuthType]?.label ?? authType;
}

/** `key` → "Key"; a custom key's own name. */
export function secretLabel(authType: string, name: string): string {
  if (name.startsWith("keys.")) return name.slice("keys.".length);
  const known: readonly Key[] = AUTHS[authType as AuthType]?.secrets ?? [];
  return known.find((each) => each.name === name)?.label ?? name;
}
