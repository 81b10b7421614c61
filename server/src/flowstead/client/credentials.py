"""The owner's credentials on this machine, as the first start of the server wrote them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowstead.errors import ServerNotRunning, ServerUnreachable
from flowstead.resources.home import Home
from flowstead.resources.names import Workspace


@dataclass(frozen=True)
class Credentials:
    """url: what the server calls itself, the audience of its tokens."""

    url: str
    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)
    workspace: Workspace = field(default_factory=Workspace)


def read_credentials(home: Home) -> Credentials:
    """Raises ServerNotRunning when there are none yet, ServerUnreachable when they cannot be read."""
    try:
        return credentials_of(json.loads(home.credentials.read_bytes()))
    except FileNotFoundError:
        raise ServerNotRunning(
            f"No Flowstead has run on {home.root} yet.", hint=f"Start it: flowstead up{home.option} --detach."
        ) from None
    except PermissionError:
        raise ServerUnreachable(
            f"You may not read {home.credentials}.", hint="Ask its owner, or name another --home."
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ServerUnreachable(
            f"{home.credentials} is damaged.", hint="Run `flowstead down`, then `flowstead up`: it is written anew."
        ) from None


def credentials_of(known: Mapping[str, str]) -> Credentials:
    """From the fields of a credentials file. Raises KeyError and TypeError for a damaged one."""
    return Credentials(
        url=known["url"],
        tenant_id=known["tenant_id"],
        client_id=known["client_id"],
        client_secret=known["client_secret"],
        workspace=Workspace(known["subscription_id"], known["resource_group"], known["workspace"]),
    )
