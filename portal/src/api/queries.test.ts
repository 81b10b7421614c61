import { expect, it } from "vitest";
import { touches } from "./queries";

it("a change touches what shows it, what lists it and what lies below it, and no neighbour", () => {
  const place = "/onlineendpoints/a";
  expect(touches(place, "/onlineendpoints/a")).toBe(true);
  expect(touches(place, "/onlineendpoints")).toBe(true);
  expect(touches(place, "/onlineendpoints/a/deployments/blue")).toBe(true);
  expect(touches(place, "/onlineendpoints/ab")).toBe(false);
  expect(touches(place, "/connections")).toBe(false);
});
