import { expect, test } from "vitest";
import { filesIn, pathOf } from "./datastore";
import { cellOf, pictureIn, recordOf, spanOf } from "./record";

const PLACE = { path: "p", from: 3, length: 9 };

test("a line becomes a record of its first row", () => {
  const line = JSON.stringify({
    time: "2026-01-01T00:00:01Z",
    correlationid: "c",
    data: [{ text: "a", n: 7, none: null, list: [1] }, { text: "b" }],
  });
  const record = recordOf(line, PLACE);
  expect(record).toMatchObject({ time: Date.UTC(2026, 0, 1, 0, 0, 1), correlationId: "c", rows: 2, place: PLACE });
  expect(Object.entries(record?.cells ?? {}).map(([name, cell]) => [name, cell.text])).toEqual([
    ["text", "a"],
    ["n", "7"],
    ["none", "null"],
    ["list", "[1]"],
  ]);
});

test("numbers are shown as they were written", () => {
  const cells = recordOf('{"data": [{"id": 9007199254740993, "in": {"x": 0.0}}]}', PLACE)?.cells;
  expect([cells?.id?.text, cells?.in?.text]).toEqual(["9007199254740993", '{"x":0.0}']);
  expect(recordOf('{"data": 1.0}', PLACE)?.cells.data?.text).toBe("1.0");
  expect(recordOf("1.0", PLACE)).toBeNull();
});

test("what is no object is one cell, what is no record none", () => {
  expect(recordOf('{"data": "body"}', PLACE)?.cells.data?.text).toBe("body");
  expect(recordOf('{"data": "x/y", "datainblob": "true"}', PLACE)?.cells.data?.whole).toBe(false);
  expect(recordOf("half a li", PLACE)).toBeNull();
  expect(recordOf("null", PLACE)).toBeNull();
});

test("long texts are cut, pictures are told from texts", () => {
  expect(cellOf("x".repeat(1000))).toMatchObject({ whole: false });
  expect(cellOf("x".repeat(1000)).text.length).toBeLessThan(500);
  expect(pictureIn({ "data:image/png;base64": "AAAA" })).toBe("data:image/png;base64,AAAA");
  expect(pictureIn("data:image/svg+xml;base64,AAAA")).toBeNull();
  expect(pictureIn({ "data:image/png;base64": '"><script>' })).toBeNull();
  expect(pictureIn({ "data:image/png;base64": "AAAA", more: 1 })).toBeNull();
});

test("a folder says of when its records are", () => {
  expect(spanOf("modelDataCollector/e/d/c/2026/01/31/23/i.jsonl")).toEqual([
    Date.UTC(2026, 0, 31, 23),
    Date.UTC(2026, 1, 1),
  ]);
  expect(spanOf("modelDataCollector/e/d/c/2026/12/i.jsonl")).toEqual([Date.UTC(2026, 11, 1), Date.UTC(2027, 0, 1)]);
  expect(spanOf("anything.jsonl")[1]).toBe(Number.POSITIVE_INFINITY);
});

test("names of a listing, as they are", () => {
  const xml =
    "<Blobs><Blob><Name>a &amp; &lt;b&gt;/c</Name><Properties><Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified>" +
    "<Content-Length>12</Content-Length></Properties></Blob></Blobs>";
  expect(filesIn(xml)).toEqual([{ path: "a & <b>/c", size: 12, modified: "2026-01-01T00:00:00.000Z" }]);
});

test("addresses of the datastore, in all their forms", () => {
  expect(pathOf("azureml://datastores/workspaceblobstore/paths/a/b/")).toBe("a/b");
  expect(pathOf("azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/workspaceblobstore/paths/a")).toBe(
    "a",
  );
  expect(pathOf("http://h:1/flowstead.blob.core.private/azureml-blobstore/a%20b")).toBe("a b");
  expect(pathOf("https://elsewhere.test/a/b")).toBeNull();
});
