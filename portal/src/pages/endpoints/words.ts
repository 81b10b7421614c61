/** Azure's words for what the API has names for. */

import type { AuthMode } from "../../api/endpoints";

const MODES: Record<AuthMode, string> = {
  Key: "Key",
  AMLToken: "Azure ML token",
  AADToken: "Microsoft Entra token",
};

export function spokenMode(mode: AuthMode): string {
  return MODES[mode] ?? mode;
}

/** `PT1M30S` → `1 min 30 s`; what it does not know stays as it is. */
export function spokenDuration(text: string): string {
  const found = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(text);
  if (!found) return text;
  const parts = [
    found[1] && `${found[1]} h`,
    found[2] && `${found[2]} min`,
    found[3] &&
      `${Number(found[3]) < 1 && Number(found[3]) > 0 ? `${Math.round(Number(found[3]) * 1000)} ms` : `${found[3]} s`}`,
  ];
  return parts.filter(Boolean).join(" ") || "0 s";
}
