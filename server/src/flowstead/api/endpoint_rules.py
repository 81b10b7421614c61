"""What an endpoint must keep to: one list, checked in its order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from flowstead.api.endpoint_bodies import EndpointBody, IdentityBody, KeysBody
from flowstead.errors import BadArgument, InvalidName
from flowstead.resources.endpoint import ENFORCE_ACCESS, ENFORCED, EndpointSpec
from flowstead.resources.names import check_endpoint_name

RESERVED_NAMES = frozenset({"admin", "api", "flowstead", "gateway", "localhost", "portal", "static", "www"})
"""An endpoint may get a host name of its own; these would be ours."""
_IDENTITY_TYPES = {"systemassigned": "SystemAssigned", "userassigned": "UserAssigned", "none": "None"}
_USER_IDENTITY = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[\w-]{3,128}",
    re.IGNORECASE | re.ASCII,
)
MAX_MIRROR_PERCENT = 50
_KEY = re.compile(r"[A-Za-z0-9._~+/-]{32,256}")
"""Characters that a Bearer token may have; no shorter than what we make ourselves would be safe."""


def check_name(name: str) -> str:
    """Raises InvalidName, for reserved names too."""
    check_endpoint_name(name)
    if name.lower() in RESERVED_NAMES:
        raise InvalidName(f"The endpoint name {name!r} is reserved.", hint="Choose another name.", target="name")
    return name


def check_body(body: EndpointBody) -> None:
    """What can be said without looking at what exists."""
    for rule in _BODY_RULES:
        rule(body)


def check_split(spec: EndpointSpec, deployments: Iterable[str]) -> EndpointSpec:
    """The specification with the deployments' names in exact casing (the SDK sends lower case). Raises
    BadArgument.

    deployments: names of those that there are."""
    known = {name.lower(): name for name in deployments}
    spec = replace(
        spec,
        traffic=_known_names("traffic", spec.traffic, known),
        mirror_traffic=_known_names("mirrorTraffic", spec.mirror_traffic, known),
    )
    for rule in _SPLIT_RULES:
        rule(spec)
    return spec


def check_key(value: str, field: str = "keyValue") -> str:
    """A key that a user brings. field: of the body. Raises BadArgument, which does not repeat it."""
    if not _KEY.fullmatch(value):
        raise BadArgument(
            f"{field.rpartition('.')[2]} is not acceptable as a key.",
            hint="Use 32 to 256 letters, digits and . _ ~ + / -, or leave it out to have one made.",
            target=field,
        )
    return value


def check_first_keys(given: KeysBody | None) -> tuple[str | None, str | None]:
    """The primary and the secondary key that an endpoint is to begin with, None for one that is to be made. Raises
    BadArgument."""
    keys = given or KeysBody()
    for name, value in (("primaryKey", keys.primary_key), ("secondaryKey", keys.secondary_key)):
        if value is not None:
            check_key(value, f"properties.keys.{name}")
    if keys.primary_key is not None and keys.primary_key == keys.secondary_key:
        raise BadArgument(
            "primaryKey and secondaryKey are the same.",
            hint="Give two, so that one can be replaced while callers use the other.",
            target="properties.keys",
        )
    return keys.primary_key, keys.secondary_key


def _identity_is_named(body: EndpointBody) -> None:
    identity = body.identity
    if identity is None:
        return
    kinds = {kind.strip().lower() for kind in identity.type.split(",")}
    if not kinds <= set(_IDENTITY_TYPES) or ("none" in kinds and len(kinds) > 1):
        raise BadArgument(
            f"identity.type is {identity.type[:60]!r}.",
            hint=f"Use one of {', '.join(_IDENTITY_TYPES.values())}.",
            target="identity.type",
        )
    identity.type = ",".join(name for kind, name in _IDENTITY_TYPES.items() if kind in kinds)
    _user_assigned(identity, wanted="userassigned" in kinds)


def _user_assigned(identity: IdentityBody, *, wanted: bool) -> None:
    named = identity.user_assigned_identities or {}
    wrong = next((each for each in named if not _USER_IDENTITY.fullmatch(each)), None)
    if wrong is not None:
        raise BadArgument(
            f"{wrong[:200]!r} is not the ARM id of a user-assigned identity.",
            hint="It is of the form /subscriptions/S/resourceGroups/G/providers/Microsoft.ManagedIdentity"
            "/userAssignedIdentities/NAME.",
            target="identity.userAssignedIdentities",
        )
    if wanted and not named:
        raise BadArgument(
            f"identity.type is {identity.type}, and no identity is named.",
            hint="Name one, or use SystemAssigned.",
            target="identity.userAssignedIdentities",
        )


def _is_managed(body: EndpointBody) -> None:
    if body.properties.compute:
        raise BadArgument(
            "Endpoints on an attached compute do not exist here.",
            hint="Leave `compute` out: the endpoint is then a managed one.",
            target="properties.compute",
        )


def _is_reachable(body: EndpointBody) -> None:
    if (body.properties.public_network_access or "Enabled").lower() not in ("enabled", "disabled"):
        raise BadArgument(
            "publicNetworkAccess is neither Enabled nor Disabled.", target="properties.publicNetworkAccess"
        )


def _enforcement_is_said(body: EndpointBody) -> None:
    """Whoever writes `yes` means that the role is given: that it is not would show when the first deployment fails."""
    properties = body.properties.properties
    value = properties.get(ENFORCE_ACCESS)
    if value is None:
        return
    if value.strip().lower() not in ENFORCED:
        raise BadArgument(
            f"{ENFORCE_ACCESS} is {value[:60]!r}.",
            hint=f"Use one of {', '.join(ENFORCED)}.",
            target=f"properties.properties.{ENFORCE_ACCESS}",
        )
    # A row of before may hold blanks around it, and its endpoint was not given the role.
    properties[ENFORCE_ACCESS] = value.strip()


def _split_is_whole(spec: EndpointSpec) -> None:
    total = sum(spec.traffic.values())
    if total not in (0, 100):
        raise BadArgument(
            f"The traffic of all deployments together is {total} %.",
            hint="Let it sum to 100, or to 0 for none.",
            target="properties.traffic",
        )


def _mirror_is_one_deployment(spec: EndpointSpec) -> None:
    if len(spec.mirror_traffic) > 1:
        raise BadArgument(
            f"Traffic can be mirrored to one deployment only, not to {', '.join(sorted(spec.mirror_traffic))}.",
            target="properties.mirrorTraffic",
        )


def _mirror_is_half_at_most(spec: EndpointSpec) -> None:
    for name, share in spec.mirror_traffic.items():
        if share > MAX_MIRROR_PERCENT:
            raise BadArgument(
                f"{share} % of the traffic cannot be mirrored to {name}; the most is {MAX_MIRROR_PERCENT} %.",
                target="properties.mirrorTraffic",
            )


def _mirror_takes_no_live_traffic(spec: EndpointSpec) -> None:
    for name in spec.mirror_traffic:
        if name in spec.traffic:
            raise BadArgument(
                f"The deployment {name} cannot take live and mirrored traffic at once.",
                target="properties.mirrorTraffic",
            )


def _known_names(field: str, shares: Mapping[str, int], known: Mapping[str, str]) -> dict[str, int]:
    exact: dict[str, int] = {}
    for name, share in shares.items():
        if name.lower() not in known:
            raise BadArgument(
                f"There is no deployment {name!r} to send traffic to.",
                hint="Create the deployment first; then set the traffic.",
                target=f"properties.{field}.{name}",
            )
        if known[name.lower()] in exact:
            twice = sorted(each for each in shares if each.lower() == name.lower())
            raise BadArgument(
                f"{' and '.join(twice)} are one deployment, {known[name.lower()]}.",
                hint="Name each deployment once.",
                target=f"properties.{field}.{name}",
            )
        exact[known[name.lower()]] = share
    return exact


_BODY_RULES: tuple[Callable[[EndpointBody], None], ...] = (
    _is_managed,
    _identity_is_named,
    _is_reachable,
    _enforcement_is_said,
)
_SPLIT_RULES: tuple[Callable[[EndpointSpec], None], ...] = (
    _split_is_whole,
    _mirror_is_one_deployment,
    _mirror_is_half_at_most,
    _mirror_takes_no_live_traffic,
)
