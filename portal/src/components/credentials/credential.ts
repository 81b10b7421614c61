/** What opens an endpoint: asked for when it is needed, and kept in no storage. */

import { api, at, body, SITE } from "../../api/client";
import type { AuthMode } from "../../api/endpoints";
import type { Action } from "../../api/permissions";

/** The primary key, beside the secondary one; or a token, which expires. Times: seconds since 1970. */
export type Opener = { secret: string; secondary?: string; expiresAt?: number; refreshAt: number };

/** The endpoint's own, or for endpoints that take these the caller's own. */
export async function askOpener(endpoint: string, mode: AuthMode): Promise<Opener> {
  const place = { params: { path: at({ endpoint }) } };
  if (mode === "Key") {
    const keys: Keys = await body(api.POST(`${SITE}/onlineEndpoints/{endpoint}/listKeys`, place));
    return { secret: keys.primaryKey, secondary: keys.secondaryKey, refreshAt: Number.POSITIVE_INFINITY };
  }
  const token: Token =
    mode === "AADToken"
      ? await body(api.POST("/session/endpointToken", {}))
      : await body(api.POST(`${SITE}/onlineEndpoints/{endpoint}/token`, place));
  return { secret: token.accessToken, expiresAt: token.expiryTimeUtc, refreshAt: token.refreshAfterTimeUtc };
}

type Keys = { primaryKey: string; secondaryKey: string };
type Token = { accessToken: string; expiryTimeUtc: number; refreshAfterTimeUtc: number };

/** What it takes to get what opens an endpoint, or to call it with a token of one's own. */
export const TAKES: Record<AuthMode, Action> = {
  Key: "onlineEndpoints/listKeys/action",
  AMLToken: "onlineEndpoints/token/action",
  AADToken: "onlineEndpoints/score/action",
};

/** Keeps a key or a token while a page is open; a token is renewed in time. */
export class Credential {
  private held: Opener | null = null;

  constructor(
    private readonly endpoint: string,
    private readonly mode: AuthMode,
  ) {}

  async get(): Promise<string> {
    if (!this.held || this.held.refreshAt * 1000 <= Date.now()) this.held = await askOpener(this.endpoint, this.mode);
    return this.held.secret;
  }

  /** The endpoint did not take it. */
  forget(): void {
    this.held = null;
  }
}
