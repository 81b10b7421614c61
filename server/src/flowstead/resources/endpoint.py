"""Endpoint: the stable address, its authentication and the split of its traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

PRIMARY_KEY, SECONDARY_KEY = "primaryKey", "secondaryKey"
"""Names of an endpoint's two keys in the secrets table."""

ENFORCE_ACCESS = "enforce_access_to_default_secret_stores"
"""Among an endpoint's properties: `enabled` gives its own identity the role to read the secrets of connections."""
ENFORCED = {"enabled": True, "true": True, "disabled": False, "false": False}
"""What its value may be, in lower case, and whether the role is given then."""


class AuthMode(StrEnum):
    KEY = "Key"
    AML_TOKEN = "AMLToken"  # noqa: S105 the name of a mode
    AAD_TOKEN = "AADToken"  # noqa: S105 the name of a mode


class ProvisioningState(StrEnum):
    """Azure's states of endpoints and deployments (SCALING for deployments only)."""

    CREATING = "Creating"
    UPDATING = "Updating"
    SCALING = "Scaling"
    DELETING = "Deleting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def terminal(self) -> bool:
        return self in (self.SUCCEEDED, self.FAILED, self.CANCELED)


HIGHEST_RATE = 1_000_000
"""Requests a second that may be set as a limit."""


@dataclass(frozen=True)
class EndpointSpec:
    """What the user wants. traffic: deployment name → percent; sums to 0 or 100. identity_uids: which identities the
    names in `identity` stood for when somebody who may assign them wrote them, by ARM id in lower case; one that is
    made anew under such a name is another. requests_per_second: 0 for any number, None for what the server says."""

    auth_mode: AuthMode = AuthMode.KEY
    description: str = ""
    traffic: Mapping[str, int] = field(default_factory=dict)
    mirror_traffic: Mapping[str, int] = field(default_factory=dict)
    public_network_access: str = "Enabled"
    identity: Mapping[str, Any] = field(default_factory=lambda: {"type": "SystemAssigned"})
    identity_uids: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    requests_per_second: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    location: str = "local"


@dataclass(frozen=True)
class EndpointStatus:
    """What is. Written by the reconciler only."""

    provisioning_state: ProvisioningState = ProvisioningState.CREATING
    error: Mapping[str, str] | None = None
