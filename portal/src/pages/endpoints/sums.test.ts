import { describe, expect, it } from "vitest";
import type { DeploymentRow, Endpoint } from "../../api/endpoints";
import { rowsOf, spokenShare, spokenTraffic, stoppedOf } from "./sums";

const endpoint = (name: string, traffic = {}, mirrorTraffic = {}) =>
  ({ name, properties: { traffic, mirrorTraffic } }) as unknown as Endpoint;
const deployment = (of: string, ready: number, wanted: number, requestsLastHour: number) =>
  ({
    properties: { endpoint: of, instances: { ready, asleep: 0, wanted }, requestsLastHour },
  }) as unknown as DeploymentRow;

describe("endpoints", () => {
  it("have the sums of their deployments, whatever the casing of names", () => {
    const rows = rowsOf(
      [endpoint("Chat"), endpoint("empty")],
      [deployment("chat", 1, 2, 5), deployment("Chat", 3, 3, 7), deployment("gone", 1, 1, 1)],
    );
    expect(
      rows.map(({ deployments, ready, wanted, requests }) => [deployments.length, ready, wanted, requests]),
    ).toEqual([
      [2, 4, 5, 12],
      [0, 0, 0, 0],
    ]);
  });

  it("say where their traffic goes, most of it first", () => {
    expect(spokenTraffic(endpoint("e", { green: 10, blue: 90 }, { black: 5 }))).toBe(
      "blue 90 %, green 10 %, mirror black 5 %",
    );
    expect(spokenTraffic(endpoint("e"))).toBe("None");
    const green = { name: "green", properties: { state: "Stopped" } } as unknown as DeploymentRow;
    expect(spokenTraffic(endpoint("e", { green: 10, blue: 90 }), stoppedOf([green]))).toBe(
      "blue 90 %, green (stopped) 10 %",
    );
  });
});

it("a deployment's share is live or mirrored", () => {
  const row = (traffic: number, mirrorTraffic: number) =>
    spokenShare({ properties: { traffic, mirrorTraffic } } as unknown as DeploymentRow);
  expect([row(90, 0), row(0, 10), row(0, 0)]).toEqual(["90 %", "mirror 10 %", "0 %"]);
});
