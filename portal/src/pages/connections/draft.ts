/** What a connection's form holds, what is wrong with it, and the request that it comes to. */

import { AUTHS, type AuthType, type Connection, type ConnectionType, type Key } from "./type";
import { typeOf } from "./types";

export type KeyRow = { id: number; name: string; value: string; kept: boolean };

/** texts: by `at` of the fields. secrets: by name, only those that were typed. configs: other metadata. */
export type Draft = {
  name: string;
  auth: AuthType;
  texts: Record<string, string>;
  secrets: Record<string, string>;
  keys: KeyRow[];
  configs: Record<string, string>;
};

export type Problems = Record<string, string>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;
const METADATA = "metadata.";

export function emptyDraft(type: ConnectionType, name = ""): Draft {
  const auth = type.auths[0] ?? "None";
  const keys = type.anyKeys && auth === "CustomKeys" ? [{ id: 0, name: "", value: "", kept: false }] : [];
  return { name, auth, texts: {}, secrets: {}, keys, configs: {} };
}

export function draftOf(connection: Connection): Draft {
  const type = typeOf(connection);
  const { category, target, metadata, authType, credentialNames } = connection.properties;
  const texts: Record<string, string> = { category, target: target ?? "" };
  const configs: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata)) {
    if (value === null || isFixed(type, name)) continue;
    if (type.fields.some((field) => field.at === METADATA + name)) texts[METADATA + name] = String(value);
    else configs[name] = String(value);
  }
  const own = credentialNames.filter((each) => each.startsWith("keys.")).map((each) => each.slice(5));
  const keys = own.map((name, id) => ({ id, name, value: "", kept: true }));
  return { name: connection.name, auth: authType, texts, secrets: {}, keys: type.anyKeys ? keys : [], configs };
}

/** Metadata that no form shows: it follows from the type. */
function isFixed(type: ConnectionType, name: string): boolean {
  return name in (type.fixed ?? {}) || name === type.targetAlsoAs;
}

/** The secrets that the type keeps with this way to authenticate, custom keys of the user's own aside. */
export function secretsOf(type: ConnectionType, auth: AuthType): readonly Key[] {
  if (auth === "CustomKeys") return (type.keys ?? []).map(({ name, label }) => ({ name: `keys.${name}`, label }));
  return AUTHS[auth]?.secrets ?? [];
}

export function keepsAnyKeys(type: ConnectionType, auth: AuthType): boolean {
  return type.anyKeys === true && auth === "CustomKeys";
}

/** What is wrong, by field. kept: names of the secrets that need not be typed. */
export function problemsOf(type: ConnectionType, draft: Draft, kept: readonly string[]): Problems {
  const found: Problems = {};
  if (!draft.name.trim()) found.name = "A connection needs a name; flows use it by that.";
  else if (!NAME.test(draft.name.trim()))
    found.name = "Begin with a letter or digit; use up to 255 letters, digits, dashes, underscores and dots.";
  for (const field of type.fields) {
    const text = (draft.texts[field.at] ?? "").trim();
    if (!text && field.required) found[field.at] = `${field.label} is missing.`;
    else if (text && field.url && !isWebAddress(text))
      found[field.at] = "This is no web address: it begins with https:// or http://.";
  }
  for (const { name, label } of secretsOf(type, draft.auth)) {
    if (!draft.secrets[name] && !kept.includes(name)) found[`secret.${name}`] = `${label} is missing.`;
  }
  if (keepsAnyKeys(type, draft.auth)) Object.assign(found, problemsOfKeys(draft.keys));
  return found;
}

function problemsOfKeys(rows: readonly KeyRow[]): Problems {
  const found: Problems = {};
  const named = rows.filter((row) => row.name.trim());
  if (named.length === 0) found.keys = "Add at least one key, or choose another way to authenticate.";
  for (const row of rows) {
    const name = row.name.trim();
    if (!name && row.value) found[`key.${row.id}`] = "The key needs a name.";
    else if (named.some((other) => other.id !== row.id && other.name.trim() === name))
      found[`key.${row.id}`] = "There is another key of this name.";
    else if (name && !row.value && !row.kept) found[`key.${row.id}`] = "The value is missing.";
  }
  return found;
}

function isWebAddress(text: string): boolean {
  try {
    return /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}

/** Of the PUT that makes it. */
export function bodyOf(type: ConnectionType, draft: Draft) {
  const target = textAt(draft, "target");
  const credentials = credentialsOf(type, draft);
  return {
    properties: {
      category: type.category || textAt(draft, "category"),
      authType: draft.auth,
      ...(target && { target }),
      metadata: { ...metadataOf(type, draft), ...type.fixed, ...alsoAs(type, draft) },
      ...(Object.keys(credentials).length > 0 && { credentials }),
      isSharedToAll: true,
    },
  };
}

/** Of the PATCH that changes it: what differs alone, so that kept secrets stay and others' changes too. */
export function patchOf(connection: Connection, draft: Draft) {
  const type = typeOf(connection);
  const before = connection.properties;
  const properties: Record<string, unknown> = {};
  const target = textAt(draft, "target");
  if (target !== (before.target ?? "")) properties.target = target || null;
  if (!type.category && textAt(draft, "category") !== before.category) properties.category = textAt(draft, "category");
  if (draft.auth !== before.authType) properties.authType = draft.auth;
  // What tells the type stays as it was written: a change of it would lead the secrets elsewhere.
  const fixed = Object.entries(before.metadata).filter(([name]) => isFixed(type, name));
  const metadata = differences(before.metadata, {
    ...metadataOf(type, draft),
    ...Object.fromEntries(fixed),
    ...("target" in properties && alsoAs(type, draft)),
  });
  if (Object.keys(metadata).length > 0) properties.metadata = metadata;
  const credentials = credentialsOf(type, draft, before);
  if (Object.keys(credentials).length > 0) properties.credentials = credentials;
  return { properties };
}

/** A merge patch's part: null for what goes. Null and absent are one. */
function differences(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(after))
    if (String(before[name] ?? "") !== String(value)) changed[name] = value;
  for (const [name, value] of Object.entries(before)) if (value !== null && !(name in after)) changed[name] = null;
  return changed;
}

function metadataOf(type: ConnectionType, draft: Draft): Record<string, unknown> {
  const texts = type.fields
    .filter((field) => field.at.startsWith(METADATA))
    .map((field) => [field.at.slice(METADATA.length), textAt(draft, field.at)] as const)
    .filter(([, text]) => text);
  return { ...draft.configs, ...Object.fromEntries(texts) };
}

function alsoAs(type: ConnectionType, draft: Draft): Record<string, string> {
  const target = textAt(draft, "target");
  return type.targetAlsoAs && target ? { [type.targetAlsoAs]: target } : {};
}

type Credentials = { [name: string]: string | null | Record<string, string | null> };

/** before: of a connection that is there; what it keeps and no longer has is taken away. */
function credentialsOf(type: ConnectionType, draft: Draft, before?: Connection["properties"]): Credentials {
  const wanted: Record<string, string | null> = {};
  const names = secretsOf(type, draft.auth).map(({ name }) => name);
  const rows = keepsAnyKeys(type, draft.auth) ? draft.keys.filter((row) => row.name.trim()) : [];
  const there = new Set([...names, ...rows.map((row) => `keys.${row.name.trim()}`)]);
  if (before && there.size > 0) {
    for (const name of before.credentialNames) if (!there.has(name)) wanted[name] = null;
  }
  for (const name of names) if (draft.secrets[name]) wanted[name] = draft.secrets[name];
  for (const row of rows) if (row.value) wanted[`keys.${row.name.trim()}`] = row.value;
  return nested(wanted);
}

/** `keys.NAME` → `{ keys: { NAME } }`. */
export function nested(flat: Record<string, string | null>): Credentials {
  const found: Credentials = {};
  const keys: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(flat)) {
    if (name.startsWith("keys.")) keys[name.slice("keys.".length)] = value;
    else found[name] = value;
  }
  return Object.keys(keys).length > 0 ? { ...found, keys } : found;
}

function textAt(draft: Draft, at: string): string {
  return (draft.texts[at] ?? "").trim();
}
