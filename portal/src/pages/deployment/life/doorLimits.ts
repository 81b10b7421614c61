/** What requests are held to beyond their deployment's own limits. Pure. */

const MIB = 1024 ** 2;

/** own: of the endpoint, 0 for any number; undefined when it leaves that to the server. */
export function spokenRate(own: number | undefined, servers: number): string {
  const said = (rate: number) => (rate === 0 ? "Any number" : rate.toLocaleString("en"));
  return own === undefined ? `${said(servers)}, as the server has it` : said(own);
}

/** `16 MiB`. */
export function spokenSize(bytes: number): string {
  return `${Number((bytes / MIB).toFixed(1)).toLocaleString("en")} MiB`;
}
