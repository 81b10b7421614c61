"""Roles: sets of actions, granted to a principal on a scope and everything below it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

ML = "Microsoft.MachineLearningServices"
AUTHORIZATION = "Microsoft.Authorization"
READ_SECRETS = f"{ML}/workspaces/connections/listsecrets/action"
PULL_IMAGES = "Microsoft.ContainerRegistry/registries/pull/read"
READ_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
WRITE_METRICS = f"{ML}/workspaces/metrics/resource/write"
GET_TOKEN = f"{ML}/workspaces/onlineEndpoints/token/action"
SCORE = f"{ML}/workspaces/onlineEndpoints/score/action"


@dataclass(frozen=True)
class RoleSpec:
    """What a role lets its holders do. actions, not_actions: on resources; data_actions, not_data_actions: on what is
    in them, such as blobs. `*` stands for any characters, `/*/` for `/` alone too; case does not matter. What is in
    not_… is taken from this role only: another one may still give it. assignable_scopes: ARM ids on and below which it
    may be granted."""

    role_name: str
    description: str = ""
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    assignable_scopes: tuple[str, ...] = ("/",)

    def allows(self, action: str) -> bool:
        return _among(action, self.actions) and not _among(action, self.not_actions)

    def allows_data(self, action: str) -> bool:
        return _among(action, self.data_actions) and not _among(action, self.not_data_actions)


@dataclass(frozen=True)
class RoleAssignmentSpec:
    """Who has which role; the scope is the resource that the assignment belongs to. role: the definition's guid.
    principal_type: as Azure spells it, "" when nobody said."""

    role: str
    principal_id: str
    principal_type: str = ""
    description: str = ""


@dataclass(frozen=True)
class RoleGrant:
    """One role of one principal. scope: an ARM id, "/" for everything."""

    scope: str
    role: RoleSpec = field(repr=False)

    def covers(self, scope: str) -> bool:
        return is_within(scope, self.scope)


def is_within(scope: str, outer: str) -> bool:
    """Whether the scope is the outer one or below it; ids are compared without regard to case."""
    outer = outer.rstrip("/").lower()
    scope = scope.lower()
    return scope == outer or scope.startswith(outer + "/")


def scopes_above(scope: str) -> tuple[str, ...]:
    """The scope itself and all that contain it, the innermost first, "/" last. Only ids of resources are among them:
    every other segment of a path is a name."""
    segments = [each for each in scope.split("/") if each]
    counts = range(len(segments), 0, -1)
    return (*("/" + "/".join(segments[:count]) for count in counts if _is_id(segments[:count])), "/")


def _is_id(segments: list[str]) -> bool:
    """`subscriptions/S`, `…/resourceGroups/G`, `…/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME…]`."""
    lowered = [each.lower() for each in segments]
    provider = len(lowered) - 1 - lowered[::-1].index("providers") if "providers" in lowered else None
    if provider is None:
        return len(segments) % 2 == 0
    below = len(segments) - provider - 1
    return below >= 3 and below % 2 == 1


def _among(action: str, patterns: Iterable[str]) -> bool:
    return any(_pattern(each).fullmatch(action) for each in patterns)


@lru_cache(maxsize=4096)
def _pattern(written: str) -> re.Pattern[str]:
    """Azure's own roles count on `/*/` standing for no level at all: a data scientist reads the workspace by
    `workspaces/*/read`, and is kept from `computes/write` by `computes/*/write`."""
    texts = re.split(r"\*+", written)
    if len(texts) == 1:
        return re.compile(re.escape(written), re.IGNORECASE)
    first, *others = [_before_star(*each) for each in pairwise(texts)]
    # Atomic, since the first place where a text stands is as good as any: many `*` must not take for ever.
    middle = "".join(f"(?>.*?{each})" for each in others)
    return re.compile(f"{first}{middle}.*{re.escape(texts[-1])}", re.IGNORECASE | re.DOTALL)


def _before_star(text: str, following: str) -> str:
    """The text between two `*`; of `/*/` the first slash is looked at and left to the second."""
    shared = text.endswith("/") and following.startswith("/")
    return f"{re.escape(text.removesuffix('/'))}(?=/)" if shared else re.escape(text)


def grant_command(role_name: str, scope: str, principal_id: str = "", *, assignee: str = "") -> str:
    """What whoever may grant roles there types to grant this one. principal_id: an object id; assignee: a name instead.
    The scope may come from a request's path, and the command goes into a shell."""
    who = f"--assignee-object-id {principal_id}" if principal_id else f"--assignee {shlex.quote(assignee)}"
    return f'flowstead role assignment create --role "{role_name}" {who} --scope {shlex.quote(scope)}'
