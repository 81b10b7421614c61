/** Images as a flow's messages hold them. */

import type { MessageFormat } from "./signature";

const KEY = /^data:(image\/[^;]*);(base64|path|url)$/;
const DATA_URL = /^data:(image\/[\w.+-]+);base64,([A-Za-z0-9+/=\s]*)$/;
/** What a browser draws without running anything of it. */
const DRAWN = /^data:image\/(png|jpe?g|gif|webp|bmp);base64,[A-Za-z0-9+/=\s]*$/;
const TYPES: Record<string, string> = { jpg: "jpeg", jpeg: "jpeg", gif: "gif", webp: "webp", bmp: "bmp" };

export type Picture = { type: string; how: "base64" | "path" | "url"; value: string };

/** The picture that a value is, in whichever format; null when it is none. */
export function pictureOf(value: unknown): Picture | null {
  if (typeof value !== "object" || value === null) return null;
  const fields = Object.entries(value);
  const vision = (value as { image_url?: { url?: unknown } }).image_url?.url;
  if (typeof vision === "string") {
    const [, type, data] = DATA_URL.exec(vision) ?? [];
    return type ? { type, how: "base64", value: data ?? "" } : { type: "image/*", how: "url", value: vision };
  }
  const path = (value as { image_file?: { path?: unknown } }).image_file?.path;
  if (typeof path === "string") return { type: "image/*", how: "path", value: path };
  const [name, content] = fields[0] ?? [];
  const [, type, how] = KEY.exec(name ?? "") ?? [];
  if (fields.length !== 1 || !type || typeof content !== "string") return null;
  return { type, how: how as Picture["how"], value: content };
}

export function isImage(value: unknown): boolean {
  return pictureOf(value) !== null;
}

/** An address that an `img` may load: the picture itself, never one elsewhere. "" for none. */
export function drawable(value: unknown): string {
  const picture = pictureOf(value);
  const url = picture?.how === "base64" ? `data:${picture.type};base64,${picture.value}` : "";
  return DRAWN.test(url) ? url : "";
}

/** url: `data:` or an address. */
export function imageFrom(url: string, format: MessageFormat): unknown {
  if (format === "openai-vision") return { type: "image_url", image_url: { url } };
  const [, type, data] = DATA_URL.exec(url) ?? [];
  if (type) return { [`data:${type};base64`]: data };
  const ending = /\.(\w+)(?:[?#].*)?$/.exec(url)?.[1]?.toLowerCase() ?? "";
  return { [`data:image/${TYPES[ending] ?? "png"};url`]: url };
}

/** A chosen file as a `data:` URL. */
export function readFile(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  });
}
