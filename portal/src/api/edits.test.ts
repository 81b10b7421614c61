import { describe, expect, it } from "vitest";
import { ApiError } from "./client";
import { type Patch, patchBetween, patched, saveEdit, touchedByBoth } from "./edits";

describe("a patch", () => {
  it("says what differs, and null for what is gone", () => {
    const before = { tags: { a: "1", b: "2" }, properties: { size: "s", list: [1] } };
    const after = { tags: { b: "3" }, properties: { size: "s", list: [1, 2] } };
    expect(patchBetween(before, after)).toEqual({ tags: { a: null, b: "3" }, properties: { list: [1, 2] } });
    expect(patchBetween(after, after)).toEqual({});
    expect(patchBetween({ tags: undefined }, {})).toEqual({});
  });

  it("makes of what was before what was wanted", () => {
    const before = { tags: { a: "1", b: "2" }, kept: true };
    const after = { tags: { b: "3", c: "4" }, kept: true };
    expect(patched(before, patchBetween(before, after))).toEqual(after);
    expect(patched({}, { tags: { c: "4" } })).toEqual({ tags: { c: "4" } });
  });

  it("meets another one where both touch a field, and not where they make the same of it", () => {
    const mine = { tags: { a: "1", b: null }, properties: { description: "d" } };
    const theirs = { tags: { a: "2", b: null }, properties: { description: "e", size: 3 } };
    expect(touchedByBoth(mine, theirs)).toEqual([
      { field: "tags.a", theirs: "2" },
      { field: "description", theirs: "e" },
    ]);
  });
});

describe("an edit", () => {
  const edit = { path: "/connections/c", patch: { properties: { target: "mine" } } };
  const resource = (target: string, host: string) => ({ properties: { target, metadata: { host } } });
  /** Each state it is found in, one after the other; refused: how many writes are. */
  const serverOf = (states: object[], refused = 0) => {
    const written: [body: unknown, etag: string | undefined][] = [];
    let reads = 0;
    const read = async () => {
      reads += 1;
      return { resource: states[reads - 1] as Patch, etag: String(reads) };
    };
    const change = async (_method: string, _path: string, sent?: unknown, etag?: string) => {
      written.push([sent, etag]);
      if (written.length <= refused) throw new ApiError(412, "PreconditionFailed", "It has changed.");
      return null;
    };
    return { written, server: { read, change } };
  };

  it("leaves what another has changed elsewhere, also while it is sent", async () => {
    const { written, server } = serverOf([resource("a", "theirs"), resource("a", "newer")], 1);
    expect(await saveEdit(edit, resource("a", "old"), server)).toBeNull();
    expect(written).toEqual([
      [edit.patch, "1"],
      [edit.patch, "2"],
    ]);
  });

  it("asks where another has changed the same, and is sent in sight of that", async () => {
    const { written, server } = serverOf([resource("theirs", "old"), resource("theirs", "old")]);
    const found = await saveEdit(edit, resource("a", "old"), server);
    expect(found?.refusal.message).toContain('target is "theirs" now');
    expect(written).toEqual([]);
    expect(await saveEdit(edit, found?.now ?? {}, server)).toBeNull();
    expect(written).toEqual([[edit.patch, "2"]]);
  });

  it("calls what another has changed as the form does", async () => {
    const { server } = serverOf([{ sku: { capacity: 2 } }]);
    const found = await saveEdit({ path: "/d", patch: { sku: { capacity: 3 } } }, { sku: { capacity: 1 } }, server);
    expect(found?.refusal.message).toContain("meanwhile: instance count is 2 now");
  });

  it("says what a queue without a length is", async () => {
    const of = (queueLength: number | null): Patch => ({ properties: { requestSettings: { queueLength } } });
    const { server } = serverOf([of(null)]);
    const found = await saveEdit({ path: "/d", patch: of(6) }, of(5), server);
    expect(found?.refusal.message).toContain("meanwhile: queue length per instance is as many as run at once now");
  });
});
