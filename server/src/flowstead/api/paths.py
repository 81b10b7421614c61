"""ARM paths: matched without regard to case, answered in the one casing that SDKs parse."""

from __future__ import annotations

from flowstead.resources.names import Workspace

_WORDS = (
    "subscriptions",
    "resourceGroups",
    "providers",
    "Microsoft.MachineLearningServices",
    "workspaces",
    "locations",
    "mfeOperationsStatus",
    "mfeOperationResults",
    "onlineEndpoints",
    "deployments",
    "models",
    "versions",
    "flow",
    "environments",
    "data",
    "codes",
    "startPendingUpload",
    "datastores",
    "connections",
    "connectionUses",
    "listSecrets",
    "listKeys",
    "regenerateKeys",
    "token",
    "getLogs",
    "followLogs",
    "build",
    "onlineDeployments",
    "auditRecords",
    "notifications",
    "events",
    "instanceTypes",
    "usage",
    "instances",
    "revisions",
    "rollback",
    "skus",
    "flows",
    "flowFolders",
    "files",
    "import",
    "export",
    "validate",
    "test",
    "restore",
    "plan",
    "garbageCollection",
    "masterKey",
    "rotateMasterKey",
    "Microsoft.Authorization",
    "roleDefinitions",
    "roleAssignments",
    "Microsoft.ManagedIdentity",
    "userAssignedIdentities",
    "Microsoft.ContainerRegistry",
    "registries",
    "Microsoft.Storage",
    "storageAccounts",
    "Flowstead.Access",
    "Microsoft.Insights",
    "metrics",
    "autoscaleSettings",
    "principals",
    "resetSecret",
    "revokeTokens",
    "block",
    "unblock",
    "issuerKeys",
    "rotateIssuerKey",
    "stop",
    "start",
)
_ROOTS = ("/subscriptions", "/providers")
"""What the paths of ARM begin with."""
_PATH_BEGINS = "files"
"""After it comes the path of a flow's file, which is as it is."""
_AFTER = {"word": "name", "namespace": "word"}
_EXACT = {word.lower(): word for word in _WORDS}


def is_arm(path: str) -> bool:
    """Whether the path is one of ARM's, all of which need a token."""
    return path.lower().startswith(_ROOTS)


def canonical(path: str, workspace: Workspace) -> str:
    """The path with its fixed words, and the names of the one workspace, in exact casing; the names of other
    resources stay as they are. Words and names take turns: a resource may well be called `Models`."""
    if not is_arm(path):
        return path
    names = {
        "subscriptions": workspace.subscription,
        "resourceGroups": workspace.resource_group,
        "workspaces": workspace.name,
    }
    segments = path.split("/")
    word, expected = "", "word"
    for index, segment in enumerate(segments[1:], start=1):
        if expected == "name":
            known = names.get(word, segment)
            segments[index] = known if segment.lower() == known.lower() else segment
            expected = "word"
            continue
        word = segments[index] = _EXACT.get(segment.lower(), segment)
        if word == _PATH_BEGINS:
            break
        expected = _AFTER[expected] if word != "providers" else "namespace"
    return "/".join(segments)


def is_same_workspace(subscription: str, resource_group: str, name: str, workspace: Workspace) -> bool:
    given = (subscription.lower(), resource_group.lower(), name.lower())
    return given == (workspace.subscription.lower(), workspace.resource_group.lower(), workspace.name.lower())
