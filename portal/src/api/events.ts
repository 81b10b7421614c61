/** Server-sent events by `fetch`: `EventSource` cannot send the proof that a request is the portal's. */

export type ServerEvent = { id: string; type: string; data: unknown };

type Read = (json: string) => unknown;

/** The events of an answer, as they come. read: how their JSON is read. */
export async function* eventsOf(answer: Response, read: Read = JSON.parse): AsyncGenerator<ServerEvent> {
  if (!answer.body) return;
  const texts = answer.body.pipeThrough(new TextDecoderStream());
  let left = "";
  for await (const text of texts) {
    const blocks = (left + text).split(/\r?\n\r?\n/);
    left = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parse(block, read);
      if (event) yield event;
    }
  }
}

/** One block of lines; null when it holds no data, such as a sign of life. */
export function parse(block: string, read: Read = JSON.parse): ServerEvent | null {
  let [id, type] = ["", "message"];
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
    if (field === "id") id = value ?? "";
    else if (field === "event") type = value ?? "";
    else if (field === "data") data.push(value ?? "");
  }
  if (data.length === 0) return id ? { id, type: "", data: null } : null;
  const text = data.join("\n");
  try {
    return { id, type, data: read(text) };
  } catch {
    return { id, type, data: text };
  }
}
