/** Environments as the API tells them, and what the forms make of files. */

import { parse, stringify } from "yaml";

export type Container = {
  id: string;
  name: string;
  properties: {
    description?: string;
    tags: Record<string, string>;
    isArchived: boolean;
    latestVersion?: string | null;
    nextVersion?: string | null;
  };
  systemData?: { createdAt: string; lastModifiedAt: string; createdBy: string };
};

export type Version = {
  id: string;
  name: string;
  properties: {
    description?: string;
    tags: Record<string, string>;
    properties: Record<string, string>;
    environmentType: "Curated" | "UserCreated";
    osType: string;
    isArchived: boolean;
    image?: string;
    condaFile?: string;
    build?: { contextUri: string; dockerfilePath: string };
    inferenceConfig?: unknown;
    packages?: string[];
  };
  systemData?: { createdAt: string; createdBy: string };
};

export type Build = {
  properties: {
    state: "NotBuilt" | "Building" | "Succeeded" | "Failed";
    log: string;
    error?: { code: string; message: string };
  };
};

export const DEFAULT_IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime-stable:latest";

/** The lines of a requirements.txt as the pip part of a conda file; "" when there is none. */
export function condaOf(requirements: string): string {
  const lines = requirements
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter(Boolean);
  return lines.length === 0 ? "" : stringify({ dependencies: [{ pip: lines }] });
}

/** The packages that a conda file asks for, conda's own first; empty when it cannot be read. */
export function packagesOf(condaFile: string | undefined): string[] {
  if (!condaFile) return [];
  try {
    const dependencies = (parse(condaFile) as { dependencies?: unknown } | null)?.dependencies;
    if (!Array.isArray(dependencies)) return [];
    const own = dependencies.filter((each) => typeof each === "string");
    const pip = dependencies.flatMap((each) => (each as { pip?: unknown } | null)?.pip ?? []);
    return [...own, ...pip].map(String);
  } catch {
    return [];
  }
}

/** What is wrong with a conda file's text, "" when it can be sent. */
export function problemOf(condaFile: string): string {
  try {
    const found: unknown = parse(condaFile);
    if (found === null || typeof found !== "object" || Array.isArray(found))
      return "This is no conda file: write dependencies:.";
    return "";
  } catch (problem) {
    return `This is no YAML: ${(problem as Error).message.split("\n")[0]}`;
  }
}
