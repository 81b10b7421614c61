import { saveAs } from "../saveAs";
import { listFiles, readFile } from "./datastore";
import { isIn, type Source, type Span } from "./reader";

const MOST_BYTES = 1024 ** 3;

/** All files of the collection within the time, as one; the browser keeps large ones on its disk. */
export async function downloadAll({ name, prefix }: Source, span: Span): Promise<void> {
  const files = (await listFiles(`${prefix}/`)).filter(({ path }) => isIn(path, span));
  if (files.length === 0) throw new Error("There are no records in this time.");
  if (files.reduce((sum, file) => sum + file.size, 0) > MOST_BYTES) {
    throw new Error("That is more than 1 GiB. Choose a shorter time, or use flowstead data download.");
  }
  const parts: Blob[] = [];
  for (const { path } of files) parts.push(await readFile(path));
  saveAs(new Blob(parts, { type: "application/jsonl" }), `${name}.jsonl`);
}
