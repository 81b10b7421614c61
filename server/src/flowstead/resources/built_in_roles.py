"""Azure's built-in roles that matter here, under their public ids.

Names, ids and actions: the pages "Azure built-in roles" (privileged; AI + machine learning; containers; storage) and
"Manage access to Azure Machine Learning workspaces" of Azure's documentation."""

from __future__ import annotations

from collections.abc import Mapping

from flowstead.resources.role import AUTHORIZATION, ML, PULL_IMAGES, READ_BLOBS, READ_SECRETS, RoleSpec

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
SECRETS_READER = "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"
METRICS_WRITER = "635dd51f-9968-44d3-b7fb-6d9a6bd613ae"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
OPENAI_CONTRIBUTOR = "a001fd3d-188f-4b5d-821b-7da978bf7442"
COGNITIVE_SERVICES_USER = "a97b65f3-24c7-4388-baec-2e87135dc908"
SEARCH_INDEX_DATA_READER = "1407120a-92aa-4202-b7e9-c0e197c71c8f"

_OPENAI = "Microsoft.CognitiveServices/accounts/OpenAI"

BUILT_IN: Mapping[str, RoleSpec] = {
    OWNER: RoleSpec("Owner", "Full access to everything, granting roles included.", ("*",)),
    CONTRIBUTOR: RoleSpec(
        "Contributor",
        "Full access to everything, but not granting roles.",
        ("*",),
        (f"{AUTHORIZATION}/*/Delete", f"{AUTHORIZATION}/*/Write", f"{AUTHORIZATION}/elevateAccess/Action"),
    ),
    READER: RoleSpec("Reader", "Sees everything, changes nothing, and sees no secret.", ("*/read",)),
    USER_ACCESS_ADMINISTRATOR: RoleSpec(
        "User Access Administrator", "Grants roles.", ("*/read", f"{AUTHORIZATION}/*", "Microsoft.Support/*")
    ),
    DATA_SCIENTIST: RoleSpec(
        "AzureML Data Scientist",
        "Works in a workspace, but does not change or delete it.",
        (
            f"{ML}/workspaces/*/read",
            f"{ML}/workspaces/*/action",
            f"{ML}/workspaces/*/delete",
            f"{ML}/workspaces/*/write",
        ),
        (
            f"{ML}/workspaces/delete",
            f"{ML}/workspaces/write",
            f"{ML}/workspaces/computes/*/write",
            f"{ML}/workspaces/computes/*/delete",
            f"{ML}/workspaces/computes/listKeys/action",
            f"{ML}/workspaces/listKeys/action",
            f"{ML}/workspaces/hubs/write",
            f"{ML}/workspaces/hubs/delete",
            f"{ML}/workspaces/featurestores/write",
            f"{ML}/workspaces/featurestores/delete",
        ),
    ),
    SECRETS_READER: RoleSpec(
        "Azure Machine Learning Workspace Connection Secrets Reader",
        "Reads the secrets of a workspace's connections.",
        (READ_SECRETS, f"{ML}/workspaces/metadata/secrets/read"),
    ),
    METRICS_WRITER: RoleSpec(
        "AzureML Metrics Writer (preview)", "Writes metrics to a workspace.", (f"{ML}/workspaces/metrics/*/write",)
    ),
    ACR_PULL: RoleSpec("AcrPull", "Pulls images from a registry.", (PULL_IMAGES,)),
    BLOB_DATA_READER: RoleSpec(
        "Storage Blob Data Reader",
        "Reads and lists containers and blobs of a storage account.",
        (
            "Microsoft.Storage/storageAccounts/blobServices/containers/read",
            "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
        ),
        data_actions=(READ_BLOBS,),
    ),
    OPENAI_USER: RoleSpec(
        "Cognitive Services OpenAI User",
        "Calls the models of an Azure OpenAI resource.",
        ("Microsoft.CognitiveServices/*/read", f"{AUTHORIZATION}/roleAssignments/read"),
        data_actions=(
            f"{_OPENAI}/*/read",
            f"{_OPENAI}/engines/completions/action",
            f"{_OPENAI}/engines/search/action",
            f"{_OPENAI}/engines/generate/action",
            f"{_OPENAI}/deployments/*/action",
            f"{_OPENAI}/images/generations/action",
            f"{_OPENAI}/assistants/*",
            f"{_OPENAI}/responses/*",
        ),
    ),
    OPENAI_CONTRIBUTOR: RoleSpec(
        "Cognitive Services OpenAI Contributor",
        "Calls, deploys and tunes the models of an Azure OpenAI resource.",
        (
            "Microsoft.CognitiveServices/*/read",
            "Microsoft.CognitiveServices/accounts/deployments/write",
            "Microsoft.CognitiveServices/accounts/deployments/delete",
            f"{AUTHORIZATION}/roleAssignments/read",
        ),
        data_actions=(f"{_OPENAI}/*",),
    ),
    COGNITIVE_SERVICES_USER: RoleSpec(
        "Cognitive Services User",
        "Calls an Azure AI services resource, and lists its keys.",
        ("Microsoft.CognitiveServices/*/read", "Microsoft.CognitiveServices/accounts/listkeys/action"),
        data_actions=("Microsoft.CognitiveServices/*",),
    ),
    SEARCH_INDEX_DATA_READER: RoleSpec(
        "Search Index Data Reader",
        "Queries the indexes of an Azure AI Search service.",
        data_actions=("Microsoft.Search/searchServices/indexes/documents/read",),
    ),
}
"""By their guids."""

_LEAST_FIRST = (READER, SECRETS_READER, DATA_SCIENTIST, CONTRIBUTOR, USER_ACCESS_ADMINISTRATOR, OWNER)


def least_role(action: str) -> str:
    """The name of the role to advise to who wants to do that: the first that is enough."""
    return BUILT_IN[next((each for each in _LEAST_FIRST if BUILT_IN[each].allows(action)), OWNER)].role_name
