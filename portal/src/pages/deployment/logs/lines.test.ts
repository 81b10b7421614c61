import { describe, expect, it } from "vitest";
import { appended, filtered, linesOf, MOST_KEPT, plain, spoken, textOf } from "./lines";

describe("a line", () => {
  it("orders no terminal about", () => {
    expect(plain("\x1b[31mred\x1b[0m \x1b]0;title\x07done\x1b[2K\r")).toBe("red done");
    expect(plain("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\")).toBe("link");
    expect(plain("a\tb <b>c</b>\u202e")).toBe("a\tb <b>c</b>");
  });
});

describe("lines", () => {
  const two = appended(appended([], "i1", ["one", "Two"]), "i2", ["three"]);

  it("are numbered through, whatever their log", () => {
    expect(two.map(({ id, log, text }) => [id, log, text])).toEqual([
      [1, "i1", "one"],
      [2, "i1", "Two"],
      [3, "i2", "three"],
    ]);
  });

  it("are kept up to a number, the newest ones", () => {
    const many = appended(
      two,
      "i1",
      Array.from({ length: MOST_KEPT }, (_, index) => String(index)),
    );
    expect(many.length).toBe(MOST_KEPT);
    expect(many[0]?.text).toBe("0");
    expect(appended(many, "i1", ["last"]).at(-1)?.id).toBe(MOST_KEPT + 4);
  });

  it("are found by what they say and by their log", () => {
    expect(filtered(two, " two ").map((line) => line.id)).toEqual([2]);
    expect(filtered(two, "i2").map((line) => line.id)).toEqual([3]);
    expect(filtered(two, "")).toBe(two);
  });

  it("are those of one log, or of all", () => {
    expect(linesOf(two, "i1").map((line) => line.id)).toEqual([1, 2]);
    expect(linesOf(two, "")).toBe(two);
  });

  it("name their log in a file when there are several", () => {
    expect(textOf(two)).toBe("i1 one\ni1 Two\ni2 three\n");
    expect(textOf(two.slice(0, 1))).toBe("one\n");
  });
});

it("how it is read is said", () => {
  const live = { shown: 100, there: 100, connected: true, waiting: null, gone: false };
  expect(spoken(live)).toBe("100 lines. Live.");
  expect(spoken({ ...live, shown: 1 })).toBe("1 of 100 lines. Live.");
  expect(spoken({ ...live, connected: false })).toContain("Connecting");
  expect(spoken({ ...live, waiting: 0 })).toBe("100 lines. Paused.");
  expect(spoken({ ...live, waiting: 3 })).toBe("100 lines. Paused, 3 more have come.");
  expect(spoken({ ...live, there: 1, shown: 1, gone: true })).toBe("1 line. The instance is gone: no more will come.");
});
