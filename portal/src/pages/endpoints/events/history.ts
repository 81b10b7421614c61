/** What has happened to a resource and what lies below it, in words. Pure. */

export type AuditRecord = {
  id: string;
  name: string;
  properties: {
    time: string;
    principal: string;
    action: string;
    resourceId: string;
    outcome: string;
    before: Record<string, unknown> | null;
    after: Record<string, unknown> | null;
    detail?: string;
    error?: { code: string; message: string };
  };
};

const FIELDS: Record<string, string> = {
  instance_count: "instance count",
  instance_type: "virtual machine",
  environment_id: "environment",
  environment_variables: "environment variables",
  secret_variables: "environment variables",
  request_settings: "request settings",
  liveness_probe: "liveness probe",
  readiness_probe: "readiness probe",
  data_collector: "inference data collection",
  app_insights_enabled: "Application Insights diagnostics",
  mirror_traffic: "mirrored traffic",
  auth_mode: "authentication type",
  public_network_access: "public network access",
};
/** What follows from another field, and is named there. */
const FOLLOWING = new Set(["base", "identity_uids"]);

/** What was done, as in `Changed: traffic, tags`. below: the path of the page's resource, to name what lies below it. */
export function deedOf({ properties }: AuditRecord, pageId: string): string {
  const { action, before, after, detail = "" } = properties;
  const where = placeBelow(properties.resourceId, pageId);
  const fields = changedFields(before, after);
  const deeds: Record<string, string> = {
    create: "Created",
    update: fields.length > 0 ? `Changed: ${fields.join(", ")}` : "Set again, unchanged",
    delete: "Deletion asked for",
    stop: "Stopped",
    start: "Started",
    scale: `Scaled by itself: ${detail}`,
    remove: "Removed",
    putSecret: `Secret set: ${secretName(detail)}`,
    removeSecret: `Secret removed: ${secretName(detail)}`,
    regenerateKey: "Key regenerated",
  };
  return `${where}${deeds[action] ?? action}`;
}

export function changedFields(before: object | null, after: object | null): string[] {
  if (!before || !after) return [];
  const [was, is] = [before as Record<string, unknown>, after as Record<string, unknown>];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  const changed = names.filter(
    (name) => !FOLLOWING.has(name) && JSON.stringify(was[name]) !== JSON.stringify(is[name]),
  );
  return [...new Set(changed.map((name) => FIELDS[name] ?? name.replaceAll("_", " ")))];
}

/** `blue: ` for a deployment on its endpoint's page, "" for the page's own resource. */
function placeBelow(resourceId: string, pageId: string): string {
  if (resourceId.toLowerCase() === pageId.toLowerCase()) return "";
  if (!resourceId.toLowerCase().startsWith(`${pageId.toLowerCase()}/`)) return "";
  return `${resourceId.split("/").at(-1)}: `;
}

function secretName(detail: string): string {
  const names: Record<string, string> = { primaryKey: "primary key", secondaryKey: "secondary key" };
  return names[detail] ?? detail.replace(/^environment_variables\./, "");
}
