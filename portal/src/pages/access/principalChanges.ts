/** What can be done with a principal, in the order of its menu. */

import type { Principal } from "../../api/access";

export type PrincipalChange = {
  /** The end of its path. */
  route: "resetSecret" | "revokeTokens" | "block" | "unblock";
  verb: string;
  /** What comes of it, before it is done. */
  what: string;
  /** What has come of it. */
  done: (name: string) => string;
  fits: (principal: Principal) => boolean;
};

const CHANGES: readonly PrincipalChange[] = [
  {
    route: "resetSecret",
    verb: "Reset secret",
    what: "There is a new secret, shown once. The present one, all tokens got with it and all browser sessions end at once.",
    done: (name) => `${name} has a new secret.`,
    fits: ({ properties }) => !properties.issuer,
  },
  {
    route: "revokeTokens",
    verb: "Revoke tokens",
    what: "All its tokens and browser sessions end at once. The secret stays good for new ones.",
    done: (name) => `All tokens of ${name} have ended.`,
    fits: () => true,
  },
  {
    route: "block",
    verb: "Block",
    what: "It is let in no more, whatever it comes with and whatever roles it has, until it is unblocked.",
    done: (name) => `${name} is blocked.`,
    fits: ({ properties }) => !properties.blocked,
  },
  {
    route: "unblock",
    verb: "Unblock",
    what: "It is let in again. Tokens from before stay ended.",
    done: (name) => `${name} is let in again.`,
    fits: ({ properties }) => properties.blocked === true,
  },
];

export function changesFor(principal: Principal): PrincipalChange[] {
  return CHANGES.filter(({ fits }) => fits(principal));
}
