import { describe, expect, it } from "vitest";
import {
  among,
  faultOf,
  goneFrom,
  isSame,
  patchFrom,
  splitOf,
  totalOf,
  withoutTraffic,
  withRest,
  withShare,
} from "./split";

const two = splitOf(["blue", "green"], { blue: 100 }, {});
const three = splitOf(["blue", "green", "black"], { blue: 60, green: 40 }, {});

describe("a split", () => {
  it("of two stays whole", () => {
    expect(withShare(two, "green", 30).live).toEqual({ blue: 70, green: 30 });
    expect(withShare(withoutTraffic(two), "green", 30).live).toEqual({ blue: 0, green: 30 });
  });

  it("of three is made whole by who asks for the rest", () => {
    const moved = withShare(three, "black", 10);
    expect(totalOf(moved)).toBe(110);
    expect(faultOf(moved)).toContain("110 %");
    expect(withRest(moved, "blue").live).toEqual({ blue: 50, green: 40, black: 10 });
    expect(withRest(withShare(moved, "green", 100), "blue").live).toEqual({ blue: 0, green: 100, black: 10 });
  });

  it("goes on without what is deleted", () => {
    const split = { live: { blue: 70, green: 30, black: 0 }, mirror: "black", mirrored: 10 };
    expect(among(["blue", "red"], split)).toEqual({ live: { blue: 70, red: 0 }, mirror: "", mirrored: 0 });
    expect(goneFrom(["blue", "red"], split)).toEqual(["green", "black"]);
    expect(goneFrom(["blue", "green", "black"], split)).toEqual([]);
  });

  it("may be of nothing at all", () => {
    expect(faultOf(withoutTraffic(three))).toBe("");
  });

  it("mirrors to nobody who gets live traffic", () => {
    const mirroring = { ...two, mirror: "green", mirrored: 10 };
    expect(withShare(mirroring, "green", 30)).toMatchObject({ mirror: "", mirrored: 0 });
    expect(withShare(mirroring, "blue", 100)).toMatchObject({ mirror: "green", mirrored: 10 });
    expect(faultOf({ ...two, mirror: "green", mirrored: 0 })).not.toBe("");
  });

  it("is the same whether zeros are said or not", () => {
    expect(isSame(two, splitOf(["blue"], { blue: 100 }, {}))).toBe(true);
    expect(isSame(two, { ...two, mirror: "green", mirrored: 5 })).toBe(false);
  });

  it("is sent as a patch that takes away what is gone", () => {
    const sent = patchFrom(withShare(two, "green", 100), { traffic: { blue: 100 }, mirrorTraffic: { green: 10 } });
    expect(sent).toEqual({ traffic: { blue: null, green: 100 }, mirrorTraffic: { green: null } });
  });
});
