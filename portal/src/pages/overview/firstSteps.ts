/** From an empty workspace to an answer, in the article's order. */

import { path } from "../../components/RouteLink";
import type { Deployment } from "./facts";

export type FirstStep = { title: string; what: string; to: string; search?: Record<string, string>; done: boolean };

/** flows: names. Each step leads to where it is done, on the first flow or deployment that there is. */
export function firstSteps(flows: string[], deployments: Deployment[]): FirstStep[] {
  const flow = flows[0] ?? "";
  const deployed = deployments.find(({ properties }) => properties.provisioningState === "Succeeded") ?? deployments[0];
  const page = deployed
    ? path("/endpoints", deployed.properties.endpoint, "/deployments", deployed.name)
    : "/endpoints";
  const runs = deployed?.properties.provisioningState === "Succeeded";
  return [
    {
      title: "Create a flow",
      what: "From a template, a folder or a zip.",
      to: "/flows",
      done: flow !== "",
    },
    {
      title: "Test it",
      what: "Run it, or chat with it, before anything is deployed.",
      to: flow ? path("/flows", flow) : "/flows",
      done: deployments.length > 0,
    },
    {
      title: "Deploy it",
      what: "As a managed online endpoint, with Deploy on the flow's page.",
      to: flow ? `${path("/flows", flow)}/deploy` : "/flows",
      done: runs,
    },
    {
      title: "Consume it",
      what: "The endpoint's URL, keys and samples in your language.",
      to: page,
      ...(deployed && { search: { tab: "consume" } }),
      done: deployments.some(({ properties }) => properties.requestsLastHour > 0),
    },
  ];
}
