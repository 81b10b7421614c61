import { expect, test } from "vitest";
import { type Chosen, sizeText, typeOf } from "./upload";

function chosen(...paths: string[]): Chosen[] {
  return paths.map((path) => ({ path, file: null as unknown as File }));
}

test("a file, a folder and a table are told apart", () => {
  expect(typeOf(chosen("a.csv"))).toBe("uri_file");
  expect(typeOf(chosen("rows/a.csv"))).toBe("uri_folder");
  expect(typeOf(chosen("rows/a.csv", "rows/MLTable"))).toBe("mltable");
  expect(typeOf(chosen("rows/below/MLTable"))).toBe("uri_folder");
});

test("sizes in the unit that fits", () => {
  expect([0, 1023, 1024, 1536 * 1024, 5 * 1024 ** 3].map(sizeText)).toEqual([
    "0 bytes",
    "1023 bytes",
    "1.0 KiB",
    "1.5 MiB",
    "5.0 GiB",
  ]);
});
