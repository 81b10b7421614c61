/** The base image that a flow's definition names, `environment.image`. */

import { type Document, isMap, parseDocument } from "yaml";

export const DEFAULT_IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime-stable:latest";

/** null when the text cannot be read, and so no image be written into it. */
export function imageOf(text: string): string | null {
  const document = read(text);
  if (!document) return null;
  const image = isMap(document.get("environment")) ? document.getIn(["environment", "image"]) : "";
  return typeof image === "string" ? image : "";
}

/** The text with another image, "" for none; comments and all else stay. null when it cannot be read. */
export function withImage(text: string, image: string): string | null {
  const document = read(text);
  if (!document) return null;
  const before = document.get("environment");
  if (image) {
    if (!isMap(before)) document.set("environment", document.createNode({}));
    document.setIn(["environment", "image"], image);
  } else if (isMap(before)) {
    before.delete("image");
    if (before.items.length === 0) document.delete("environment");
  }
  // Lists that begin where their key does stay so.
  return document.toString({ lineWidth: 0, indentSeq: !/^\w+:\s*\n- /m.test(text) });
}

function read(text: string): Document | null {
  const document: Document = parseDocument(text, { logLevel: "silent" });
  return document.errors.length > 0 || (document.contents !== null && !isMap(document.contents)) ? null : document;
}
