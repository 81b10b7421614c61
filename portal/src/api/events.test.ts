import { describe, expect, it } from "vitest";
import { eventsOf, parse } from "./events";

describe("events", () => {
  it("are read whatever pieces they come in", async () => {
    const text =
      'retry: 1000\nid: 4\n\nevent: log\nid: 5\ndata: {"line":"a\\nb"}\n\n: alive\n\ndata: one\r\ndata: two\r\n\r\n';
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 7, bytes.length]) {
      const body = new ReadableStream({
        start(controller) {
          for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
          controller.close();
        },
      });
      const found = [];
      for await (const event of eventsOf(new Response(body))) found.push(event);
      expect(found).toEqual([
        { id: "4", type: "", data: null },
        { id: "5", type: "log", data: { line: "a\nb" } },
        { id: "", type: "message", data: "one\ntwo" },
      ]);
    }
  });

  it("without data are signs of life", () => {
    expect(parse(": alive")).toBeNull();
  });
});
