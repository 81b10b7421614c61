/** The base image that a flow's definition names, `environment.image`. */

import { isMap, parseDocument } from "yaml";

export const DEFAULT_IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime-stable:latest";

export function imageOf(text: string): string {
  const image = parseDocument(text, { logLevel: "silent" }).getIn(["environment", "image"]);
  return typeof image === "string" ? image : "";
}

/** The text with another image, "" for none; comments and all else stay. null when it cannot be read. */
export function withImage(text: string, image: string): string | null {
  const document = parseDocument(text, { logLevel: "silent" });
  if (document.errors.length > 0 || (document.contents !== null && !isMap(document.contents))) return null;
  if (image) {
    if (!isMap(document.get("environment"))) document.set("environment", document.createNode({}));
    document.setIn(["environment", "image"], image);
  } else {
    document.deleteIn(["environment", "image"]);
    const rest = document.get("environment");
    if (isMap(rest) && rest.items.length === 0) document.delete("environment");
  }
  // Lists that begin where their key does stay so.
  return document.toString({ lineWidth: 0, indentSeq: !/^\w+:\s*\n- /m.test(text) });
}
