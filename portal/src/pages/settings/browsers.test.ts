import { expect, it } from "vitest";
import { browserOf } from "./browsers";

it("a browser is known by what it calls itself", () => {
  expect(browserOf("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox on Linux");
  const edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
  expect(browserOf(edge)).toBe("Edge on Windows");
  expect(browserOf("python-httpx/0.28")).toBe("python-httpx/0.28");
  expect(browserOf("")).toBe("A program");
});
