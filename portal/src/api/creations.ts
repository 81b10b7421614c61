/** Deployments that this page is creating: what is told of them until the server has an operation to tell of. */

import { useSyncExternalStore } from "react";
import { WORKSPACE_ID } from "./client";
import { newGuid } from "./guid";
import type { Notification, Outcome, Stage } from "./notifications";

/** The article's three stages, in their order. */
export const STAGES = ["Creating an endpoint", "Registering a model", "Creating a deployment"] as const;
export type StageName = (typeof STAGES)[number];

let current: readonly Notification[] = [];
const listeners = new Set<() => void>();

export function useCreations(): readonly Notification[] {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, Creation.all);
}

export function deploymentId(endpoint: string, deployment: string): string {
  return `${WORKSPACE_ID}/onlineEndpoints/${endpoint}/deployments/${deployment}`;
}

/** Whether two ids name one resource: casing makes no other one. */
export function sameResource(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** Whether there is an operation to see more of. */
export function isTheServers(notification: Notification): boolean {
  return notification.id.startsWith("/");
}

/** Whether this page is still sending what makes that deployment. */
export function isSending(own: readonly Notification[], endpoint: string, deployment: string): boolean {
  const id = deploymentId(endpoint, deployment);
  return own.some(
    ({ name, properties }) =>
      name === "" && properties.status === "InProgress" && sameResource(properties.resourceId, id),
  );
}

/** Tells of one creation, stage by stage. What was told of an earlier one of that name is forgotten. */
export class Creation {
  constructor(
    private readonly endpoint: string,
    private readonly deployment: string,
  ) {
    const resourceId = deploymentId(endpoint, deployment);
    const started: Notification = {
      id: `creation ${newGuid()}`,
      name: "",
      properties: {
        title: `Prompt flow deployment ${this.endpoint}/${this.deployment}`,
        operation: "create",
        resourceId,
        status: "InProgress",
        percentComplete: 0,
        phase: "",
        phaseTimes: {},
        startTime: now(),
        stages: STAGES.map((name) => ({ name, status: "Waiting", startTime: "" })),
      },
    };
    this.id = started.id;
    set([started, ...current.filter((each) => !sameResource(each.properties.resourceId, resourceId))]);
  }

  readonly id: string;

  /** What is told of all of them. */
  static all(): readonly Notification[] {
    return current;
  }

  begin(stage: StageName): void {
    const begun = { name: stage, status: "InProgress", startTime: now() } as const;
    this.change((was) => ({ stages: was.stages.map((each) => (each.name === stage ? begun : each)) }));
  }

  end(): void {
    this.change((was) => ({ stages: ended(was.stages, "Succeeded") }));
  }

  /** The stage that has begun fails, and with it all. */
  fail(code: string, message: string): void {
    this.change((was) => ({
      status: "Failed",
      endTime: now(),
      error: { code, message },
      stages: ended(was.stages, "Failed"),
    }));
  }

  /** From now on the server tells of it, by this operation. */
  handOver(operation: string): void {
    set(current.map((each) => (each.id === this.id ? { ...each, name: operation } : each)));
  }

  private change(by: (was: Notification["properties"]) => Partial<Notification["properties"]>): void {
    set(
      current.map((each) =>
        each.id === this.id ? { ...each, properties: { ...each.properties, ...by(each.properties) } } : each,
      ),
    );
  }
}

/** Both, newest first; one that the server tells of is told once, and what is a stage of another one as that. */
export function merged(own: readonly Notification[], told: readonly Notification[]): Notification[] {
  const known = new Set(told.map((each) => each.name));
  const left = own.filter((each) => !known.has(each.name));
  const apart = told.filter((each) => !each.properties.partOf && !left.some((creation) => begins(creation, each)));
  return [...left, ...apart].sort((a, b) => b.properties.startTime.localeCompare(a.properties.startTime));
}

/** What is told of the creation of that deployment: of the one that was begun on this page, whatever others did to it
 * meanwhile; else of the latest. */
export function creationOf(resourceId: string, own: readonly Notification[], told: readonly Notification[]) {
  const mine = own.find(({ properties }) => sameResource(properties.resourceId, resourceId));
  const isMine = ({ id, name }: Notification) => id === mine?.id || (name !== "" && name === mine?.name);
  const isOf = ({ properties }: Notification) =>
    sameResource(properties.resourceId, resourceId) && properties.operation !== "delete";
  return told.find(isMine) ?? told.find(isOf);
}

/** Whether it is the creation's first stage: the server does not know yet what it belongs to. */
function begins(creation: Notification, { properties: { operation, resourceId } }: Notification): boolean {
  const endpoint = creation.properties.resourceId.replace(/\/deployments\/[^/]+$/, "");
  return operation === "create" && sameResource(endpoint, resourceId);
}

function ended(stages: readonly Stage[], status: Outcome): Stage[] {
  return stages.map((each) => (each.status === "InProgress" ? { ...each, status, endTime: now() } : each));
}

function set(next: readonly Notification[]): void {
  current = next;
  for (const listener of listeners) listener();
}

function now(): string {
  return new Date().toISOString();
}
