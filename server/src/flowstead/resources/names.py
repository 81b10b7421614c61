"""Names, limits and ids of resources.

Numbers are Azure's (managed online endpoints, quotas page of 2026-01-27) unless a comment says otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowstead.errors import InvalidName

DEFAULT_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
DEFAULT_RESOURCE_GROUP = "flowstead"
DEFAULT_WORKSPACE = "default"
LOCATION = "local"

MAX_DEPLOYMENTS_PER_ENDPOINT = 20
MAX_INSTANCES_PER_DEPLOYMENT = 50

_ENDPOINT_NAME = re.compile(r"[a-zA-Z](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
_ASSET_NAME = re.compile(r"[a-zA-Z0-9][-_.a-zA-Z0-9]{0,254}")
_ASSET_VERSION = re.compile(r"[a-zA-Z0-9][-_.a-zA-Z0-9]{0,29}|[0-9a-f]{40,64}")
"""Or a digest of the content, which the SDK gives to assets without a name."""


@dataclass(frozen=True)
class Workspace:
    """Where resources live; `path` is the ARM id in the exact casing that SDKs parse."""

    subscription: str = DEFAULT_SUBSCRIPTION
    resource_group: str = DEFAULT_RESOURCE_GROUP
    name: str = DEFAULT_WORKSPACE

    @property
    def subscription_path(self) -> str:
        return f"/subscriptions/{self.subscription}"

    @property
    def group_path(self) -> str:
        return f"{self.subscription_path}/resourceGroups/{self.resource_group}"

    @property
    def path(self) -> str:
        return f"{self.group_path}/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"

    @property
    def registry(self) -> str:
        """Where images come from. It is here so that roles can be granted on it; so is `storage`."""
        return f"{self.group_path}/providers/Microsoft.ContainerRegistry/registries/flowstead"

    @property
    def storage(self) -> str:
        """Where models, data and collected records lie."""
        return f"{self.group_path}/providers/Microsoft.Storage/storageAccounts/flowstead"

    def identity(self, name: str) -> str:
        """A user-assigned identity."""
        return f"{self.group_path}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"

    def autoscale_setting(self, name: str) -> str:
        return f"{self.group_path}/providers/Microsoft.Insights/autoscaleSettings/{name}"

    def role_definition(self, guid: str) -> str:
        return f"{self.subscription_path}/providers/Microsoft.Authorization/roleDefinitions/{guid}"

    def principal(self, name: str) -> str:
        return f"{self.subscription_path}/providers/Flowstead.Access/principals/{name}"

    def endpoint(self, name: str) -> str:
        return f"{self.path}/onlineEndpoints/{name}"

    def deployment(self, endpoint: str, name: str) -> str:
        return f"{self.endpoint(endpoint)}/deployments/{name}"

    def model(self, name: str, version: str | None = None) -> str:
        container = f"{self.path}/models/{name}"
        return container if version is None else f"{container}/versions/{version}"

    def flow(self, name: str) -> str:
        return f"{self.path}/flows/{name}"

    def environment(self, name: str, version: str | None = None) -> str:
        container = f"{self.path}/environments/{name}"
        return container if version is None else f"{container}/versions/{version}"

    def connection(self, name: str) -> str:
        return f"{self.path}/connections/{name}"

    def data(self, name: str, version: str | None = None) -> str:
        container = f"{self.path}/data/{name}"
        return container if version is None else f"{container}/versions/{version}"


def check_endpoint_name(name: str, kind: str = "endpoint") -> str:
    """Return the name, or raise InvalidName. Holds for endpoints and deployments alike."""
    if not 3 <= len(name) <= 32:
        raise InvalidName(f"The {kind} name {name!r} has {len(name)} characters.", target="name")
    if not _ENDPOINT_NAME.fullmatch(name):
        raise InvalidName(f"The {kind} name {name!r} has a character that is not allowed.", target="name")
    return name


def check_asset_name(name: str, kind: str = "model") -> str:
    """Return the name of a model, environment or data asset, or raise InvalidName."""
    if not _ASSET_NAME.fullmatch(name):
        raise InvalidName(
            f"The {kind} name {name!r} is not allowed.",
            target="name",
            hint="Begin with a letter or digit; use up to 255 letters, digits, dashes, underscores and dots.",
        )
    return name


def check_asset_version(version: str, kind: str = "model") -> str:
    """Return the version of an asset, or raise InvalidName."""
    if not _ASSET_VERSION.fullmatch(version):
        raise InvalidName(
            f"The {kind} version {version!r} is not allowed.",
            target="version",
            hint="Begin with a letter or digit; use up to 30 letters, digits, dashes, underscores and dots.",
        )
    return version
