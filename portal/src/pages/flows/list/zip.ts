/** A zip archive of files that are kept as they are: what the API takes a flow's folder as. */

export type Entry = { path: string; data: Uint8Array<ArrayBuffer> };

const [LOCAL, CENTRAL, END] = [0x04034b50, 0x02014b50, 0x06054b50];
const VERSION = 20;
/** Names are UTF-8. */
const FLAGS = 0x0800;
/** 1 January 1980: equal folders make equal archives. */
const DATE = 0x0021;

export function zipOf(entries: readonly Entry[]): Blob {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const { path, data } of entries) {
    const name = new TextEncoder().encode(path);
    const about = [VERSION, FLAGS, 0, 0, DATE] as const;
    const sizes = [crc32(data), data.length, data.length] as const;
    const local = record([LOCAL], about, sizes, [name.length, 0]);
    parts.push(local, name, data);
    directory.push(record([CENTRAL], [VERSION, ...about], sizes, [name.length, 0, 0, 0, 0], [0, offset]), name);
    offset += local.length + name.length + data.length;
  }
  const listed = directory.reduce((sum, part) => sum + part.length, 0);
  const end = record([END], [0, 0, entries.length, entries.length], [listed, offset], [0]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** Numbers in turn of four and of two bytes, little-endian. */
function record(...groups: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const widths = groups.map((_, index) => (index % 2 === 0 ? 4 : 2));
  const size = groups.reduce((sum, group, index) => sum + group.length * (widths[index] ?? 0), 0);
  const view = new DataView(new ArrayBuffer(size));
  let at = 0;
  groups.forEach((group, index) => {
    for (const number of group) {
      if (widths[index] === 4) view.setUint32(at, number, true);
      else view.setUint16(at, number, true);
      at += widths[index] ?? 0;
    }
  });
  return new Uint8Array(view.buffer);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(data: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of data) value = (value >>> 8) ^ (TABLE[(value ^ byte) & 0xff] ?? 0);
  return (value ^ 0xffffffff) >>> 0;
}
