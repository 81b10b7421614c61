import { expect, it } from "vitest";
import { placesOf, touches } from "./queries";

it("a change touches what shows it, what lists it and what lies below it, and no neighbour", () => {
  const place = "/onlineendpoints/a";
  expect(touches(place, "/onlineendpoints/a")).toBe(true);
  expect(touches(place, "/onlineendpoints")).toBe(true);
  expect(touches(place, "/onlineendpoints/a/deployments/blue")).toBe(true);
  expect(touches(place, "/onlineendpoints/ab")).toBe(false);
  expect(touches(place, "/connections")).toBe(false);
});

it("a grant at whichever scope touches all lists of grants, and every change the audit log", () => {
  const grant = "/subscriptions/S/resourceGroups/g/providers/Microsoft.Authorization/roleAssignments/1";
  expect(placesOf(grant)).toContain("/providers/microsoft.authorization/roleassignments");
  expect(placesOf(grant)).toContain("/auditrecords");
});

it("a deployment touches what is used of the quota, an endpoint the principals", () => {
  expect(placesOf("/onlineEndpoints/e/deployments/d")).toContain("/usage");
  expect(placesOf("/onlineEndpoints/e/deployments/d").join()).not.toContain("principals");
  expect(placesOf("/onlineEndpoints/e").join()).toContain("flowstead.access/principals");
});
