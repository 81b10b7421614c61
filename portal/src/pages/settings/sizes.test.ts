import { expect, it } from "vitest";
import { sizeOf } from "./sizes";

it("sizes are said in the unit that suits them", () => {
  expect([0, 1023, 1536, 5 * 1024 ** 3].map(sizeOf)).toEqual(["0 bytes", "1023 bytes", "1.5 KiB", "5.0 GiB"]);
});
