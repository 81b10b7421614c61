import { QueryObserver } from "@tanstack/react-query";
import { expect, it, vi } from "vitest";
import { keyOf, noteChange, placesOf, queries, touches, whileGoing } from "./queries";

it("what is asked for the first time while it changes is asked again", async () => {
  vi.useFakeTimers();
  const answers: ((value: string) => void)[] = [];
  const ask = () => new Promise<string>((resolve) => answers.push(resolve));
  const observer = new QueryObserver(queries, { queryKey: keyOf("/flows/a"), queryFn: ask });
  const stop = observer.subscribe(() => {});
  noteChange("/flows/a");
  await vi.advanceTimersByTimeAsync(1000);
  expect(answers).toHaveLength(1);
  answers[0]?.("before");
  await vi.advanceTimersByTimeAsync(1000);
  expect(answers).toHaveLength(2);
  answers[1]?.("after");
  await vi.advanceTimersByTimeAsync(1000);
  expect(observer.getCurrentResult().data).toBe("after");
  expect(answers).toHaveLength(2);
  stop();
  vi.useRealTimers();
});

it("what is being deleted is not asked for again, unless it stays", async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  const show = (path: string) => {
    const queryFn = async () => asked.push(path);
    return new QueryObserver(queries, { queryKey: keyOf(path), queryFn }).subscribe(() => {});
  };
  const stops = ["/data", "/data/a", "/data/a/versions", "/data/ab"].map(show);
  await vi.advanceTimersByTimeAsync(1000);
  asked.length = 0;
  await whileGoing("/data/a", async () => noteChange("/data/a"));
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual(["/data"]);
  for (const stop of stops) stop();
  stops.splice(0, 4, show("/data/a"));
  await vi.advanceTimersByTimeAsync(1000);
  asked.length = 0;
  const stays = async () => {
    throw new Error("It is used.");
  };
  await expect(whileGoing("/data/a", stays)).rejects.toThrow("It is used.");
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual(["/data/a"]);
  stops[0]?.();
  vi.useRealTimers();
});

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
