/** What a program of somebody's begins with. */

import { WORKSPACE_ID } from "../../api/client";

export function placeOf(workspaceId: string): { subscription: string; group: string; workspace: string } {
  const [, subscription = "", group = "", workspace = ""] =
    /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/.*\/workspaces\/([^/]+)$/.exec(workspaceId) ?? [];
  return { subscription, group, workspace };
}

/** azure-ai-ml, filled with this server's values; the secret is its reader's to give. */
export function connectSnippet(origin: string, tenant: string): string {
  const { subscription, group, workspace } = placeOf(WORKSPACE_ID);
  return `import os

os.environ["ARM_CLOUD_METADATA_URL"] = "${origin}/metadata/endpoints?api-version=2019-05-01"
os.environ["REQUESTS_CA_BUNDLE"] = "ca.pem"

from azure.ai.ml import MLClient
from azure.identity import ClientSecretCredential

credential = ClientSecretCredential(
    "${tenant}",
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    authority="${origin}",
    disable_instance_discovery=True,
)
client = MLClient(
    credential,
    "${subscription}",
    "${group}",
    "${workspace}",
)
print([endpoint.name for endpoint in client.online_endpoints.list()])
`;
}
