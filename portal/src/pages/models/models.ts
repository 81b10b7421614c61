/** Registered models, and which deployments use them. */

import { useQuery } from "@tanstack/react-query";
import { all } from "../../api/client";
import { change, type DeploymentRow, type Pairs, type Read, read, versionOf } from "../../api/endpoints";
import { keyOf } from "../../api/queries";

type Facts = { description: string; tags: Pairs; properties: Pairs; isArchived: boolean };
type Dated = { id: string; name: string; systemData?: { createdAt: string; createdBy: string } };
export type Model = Dated & { properties: Facts & { latestVersion: string | null } };
export type ModelVersion = Dated & {
  properties: Facts & { modelUri: string; modelType: string; flavors: object; stage: string | null };
};

export const modelPath = (name: string) => `/models/${encodeURIComponent(name)}`;
const versionPath = (name: string, version: string) => `${modelPath(name)}/versions/${encodeURIComponent(version)}`;

/** Archived ones too. */
export function useModels() {
  return useQuery({ queryKey: keyOf("/models", "all"), queryFn: () => all<Model>("/models", { listViewType: "All" }) });
}

/** The property by which a model says of which flow it is. */
export const FLOW_OF_MODEL = "azureml.promptflow.source_flow_id";

/** Archived ones too, the newest first. */
export function useModelVersions(name: string, enabled = true) {
  const path = `${modelPath(name)}/versions`;
  const query = { listViewType: "All", orderBy: "CreatedAtDesc" };
  return useQuery({ queryKey: keyOf(path, "all"), enabled, queryFn: () => all<ModelVersion>(path, query) });
}

export async function archiveModel(name: string, isArchived: boolean): Promise<void> {
  const { etag } = await read<Model>(modelPath(name));
  await change("PUT", modelPath(name), { properties: { isArchived } }, etag);
}

export async function archiveVersion(name: string, version: string, isArchived: boolean): Promise<void> {
  const { resource, etag }: Read<ModelVersion> = await read(versionPath(name, version));
  const { modelUri, modelType, description, tags, properties, flavors, stage } = resource.properties;
  const said = { modelUri, modelType, description, tags, properties, flavors, stage, isArchived };
  await change("PUT", versionPath(name, version), { properties: said }, etag);
}

export const deleteModel = (name: string) => change<null>("DELETE", modelPath(name)).then(() => undefined);
export const deleteVersion = (name: string, version: string) =>
  change<null>("DELETE", versionPath(name, version)).then(() => undefined);

/** Those that use the model, or that version of it. */
export function usersOf(deployments: readonly DeploymentRow[], name: string, version?: string): DeploymentRow[] {
  return deployments.filter((each) => {
    const used = versionOf(each.properties.model);
    return used?.name.toLowerCase() === name.toLowerCase() && (version === undefined || used.version === version);
  });
}
