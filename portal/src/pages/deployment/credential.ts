/** What opens an endpoint: asked for when it is needed, and kept in no storage. */

import { api, at, body, SITE } from "../../api/client";
import type { AuthMode } from "./deployed";

export type Keys = { primaryKey: string; secondaryKey: string };
/** Times: seconds since 1970. */
export type Token = { accessToken: string; expiryTimeUtc: number; refreshAfterTimeUtc: number };

export function askKeys(endpoint: string): Promise<Keys> {
  return body(api.POST(`${SITE}/onlineEndpoints/{endpoint}/listKeys`, { params: { path: at({ endpoint }) } }));
}

/** Of the endpoint's own, or the caller's own for endpoints that take these. */
export function askToken(endpoint: string, mode: AuthMode): Promise<Token> {
  if (mode === "AADToken") return body(api.POST("/session/endpointToken", {}));
  return body(api.POST(`${SITE}/onlineEndpoints/{endpoint}/token`, { params: { path: at({ endpoint }) } }));
}

/** Keeps a key or a token while a page is open; a token is renewed in time. */
export class Credential {
  private held: { secret: string; until: number } | null = null;

  constructor(
    private readonly endpoint: string,
    private readonly mode: AuthMode,
  ) {}

  async get(): Promise<string> {
    if (this.held && this.held.until > Date.now()) return this.held.secret;
    this.held = this.mode === "Key" ? await this.key() : await this.token();
    return this.held.secret;
  }

  /** The endpoint did not take it. */
  forget(): void {
    this.held = null;
  }

  private async key() {
    return { secret: (await askKeys(this.endpoint)).primaryKey, until: Number.POSITIVE_INFINITY };
  }

  private async token() {
    const token = await askToken(this.endpoint, this.mode);
    return { secret: token.accessToken, until: token.refreshAfterTimeUtc * 1000 };
  }
}
