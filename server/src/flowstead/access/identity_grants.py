"""Which roles an endpoint's identity needs before a deployment can start, and which of them it lacks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flowstead.access.decisions import granted, granted_data
from flowstead.errors import AccessDenied
from flowstead.resources.built_in_roles import (
    ACR_PULL,
    BLOB_DATA_READER,
    BUILT_IN,
    COGNITIVE_SERVICES_USER,
    OPENAI_USER,
    SEARCH_INDEX_DATA_READER,
    SECRETS_READER,
)
from flowstead.resources.identity import EndpointIdentity, UsedConnection
from flowstead.resources.names import Workspace
from flowstead.resources.principal import Principal
from flowstead.resources.role import PULL_IMAGES, READ_BLOBS, READ_SECRETS, grant_command


@dataclass(frozen=True)
class _Need:
    """what_for: the beginning of the message when it is lacking."""

    role: str
    action: str
    scope: str
    what_for: str
    is_data: bool = False


def why_denied(
    identity: EndpointIdentity, connections: Iterable[UsedConnection], workspace: Workspace
) -> AccessDenied | None:
    """All roles that are lacking, each with its grant; None when none is."""
    needs = list(_needs(identity, tuple(connections), workspace))
    if not needs:
        return None
    if identity.principal is None:
        return AccessDenied(
            f"{needs[0].what_for}: the endpoint has no identity"
            + (f"; {identity.name} does not exist." if identity.name else "."),
            hint="Give the endpoint an identity that exists; then deploy again.",
            target=needs[0].scope,
        )
    if identity.principal.blocked:
        return AccessDenied(
            f"{needs[0].what_for}: the identity {identity.principal.name} is blocked.",
            hint=f"An owner can end that: flowstead principal unblock --name {identity.principal.object_id}",
            target=needs[0].scope,
        )
    lacking = [each for each in needs if not _has(identity.principal, each)]
    return _denial(lacking, identity.principal) if lacking else None


def _needs(
    identity: EndpointIdentity, connections: tuple[UsedConnection, ...], workspace: Workspace
) -> Iterator[_Need]:
    if identity.user_assigned:
        # An identity that the server made has these from the beginning.
        yield _Need(ACR_PULL, PULL_IMAGES, workspace.registry, "Access denied to pull images from the registry")
        what = "Access denied to read the model and data in the storage account"
        yield _Need(BLOB_DATA_READER, READ_BLOBS, workspace.storage, what, is_data=True)
        if not connections:
            yield _Need(SECRETS_READER, READ_SECRETS, workspace.path, "Access denied to list workspace secrets")
    for each in connections:
        what = f"Access denied to list workspace secret '{each.name}'"
        yield _Need(SECRETS_READER, READ_SECRETS, each.id, what)
    for each in connections if identity.application is None else ():
        if each.auth_type == "AAD":
            role, action = SIGNED_IN.get(each.category.lower(), ANY_SERVICE)
            what = f"Access denied to the resource of the connection '{each.name}', which signs in with Entra ID"
            yield _Need(role, action, each.target_id, what, is_data=True)


def _has(principal: Principal, need: _Need) -> bool:
    return (granted_data if need.is_data else granted)(principal.grants, need.action, need.scope)


def _denial(lacking: Iterable[_Need], principal: Principal) -> AccessDenied:
    by_command: dict[str, _Need] = {}
    for each in lacking:
        by_command.setdefault(_grant(each, principal), each)
    commands, (first, *others) = list(by_command), by_command.values()
    message = " ".join(
        (
            f"{first.what_for}: {_who(principal)} {_lacks(first)}",
            *(f"{each.what_for}: it {_lacks(each)}" for each in others),
        )
    )
    return AccessDenied(message, hint=_hint(commands, principal), target=first.scope)


def _who(principal: Principal) -> str:
    if not principal.object_id:  # as a plan sees what is not there yet
        return f"the identity that comes with the endpoint {principal.name}"
    return f"the identity {principal.name} (object id {principal.object_id})"


def _lacks(need: _Need) -> str:
    role = BUILT_IN[need.role].role_name
    return f"lacks the role '{role}', or another one that allows {need.action}, on {_granted_on(need)}."


def _hint(commands: list[str], principal: Principal) -> str:
    if not principal.object_id:
        return _with_commands("Create the endpoint first, and have an owner run", commands, "before you deploy")
    return _with_commands("Have an owner run", commands, "and deploy again")


def _with_commands(before: str, commands: list[str], after: str) -> str:
    """In lines of their own, so that they can be copied."""
    these = "this" if len(commands) == 1 else "these"
    return "\n".join((f"{before} {these} {after}:", *commands))


def _grant(need: _Need, principal: Principal) -> str:
    role = BUILT_IN[need.role].role_name
    return grant_command(role, _granted_on(need), principal.object_id, assignee=principal.name)


def _granted_on(need: _Need) -> str:
    """The role for secrets is advised for all connections at once."""
    return need.scope.partition("/connections/")[0] if need.role == SECRETS_READER else need.scope


_OPENAI_CALL = "Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action"
SIGNED_IN = {
    "azureopenai": (OPENAI_USER, _OPENAI_CALL),
    "cognitivesearch": (
        SEARCH_INDEX_DATA_READER,
        "Microsoft.Search/searchServices/indexes/documents/read",
    ),
}
ANY_SERVICE = (COGNITIVE_SERVICES_USER, "Microsoft.CognitiveServices/accounts/ContentSafety/text:analyze/action")
"""The least role on what a connection that signs in leads to, and an action that tells it: by category."""
