/** The first that is named counts: each of these calls itself by the names of those below it, too. */
const BROWSERS = [
  [/\bEdg\w*\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\//, "Firefox"],
  [/\bChrom(e|ium)\//, "Chrome"],
  [/\bHeadlessChrome\//, "Chrome"],
  [/\bSafari\//, "Safari"],
] as const;
const SYSTEMS = [
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/Linux/, "Linux"],
] as const;

/** "Firefox on Linux": from what a browser calls itself. */
export function browserOf(client: string): string {
  const browser = BROWSERS.find(([known]) => known.test(client))?.[1];
  const system = SYSTEMS.find(([known]) => known.test(client))?.[1];
  if (!browser) return client.slice(0, 60) || "A program";
  return system ? `${browser} on ${system}` : browser;
}
