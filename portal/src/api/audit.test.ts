import { expect, it } from "vitest";
import { placeName } from "./audit";
import { GROUP_ID, WORKSPACE_ID } from "./client";

it("a resource is named by what lies below the workspace, or by its kind and name", () => {
  expect(placeName(`${WORKSPACE_ID}/onlineEndpoints/chat/deployments/blue`)).toBe(
    "onlineEndpoints/chat/deployments/blue",
  );
  expect(placeName(WORKSPACE_ID)).toBe("workspaces/default");
  expect(placeName(`${GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mine`)).toBe(
    "userAssignedIdentities/mine",
  );
  expect(placeName(`${WORKSPACE_ID}/providers/Microsoft.Authorization/roleAssignments/1`)).toBe(
    "role assignment on workspaces/default",
  );
  expect(placeName(GROUP_ID)).toBe("resourceGroups/flowstead");
  expect(placeName("/providers/Microsoft.Authorization/roleAssignments/1")).toBe("role assignment on everything");
});
