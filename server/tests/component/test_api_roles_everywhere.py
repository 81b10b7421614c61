"""Every operation of the served description × every built-in role × every place where it may be granted: who is allowed
gets in, who is not gets 403, and nothing else is 403."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from flowstead.resources.built_in_roles import BUILT_IN
from flowstead.resources.principal import Principal
from flowstead.resources.role import RoleSpec, is_within, scopes_above
from flowstead.testing.in_process_api import InProcessApi

NAME = "no-such-thing"
OTHER = "another-thing"
"""What paths name is not there, and bodies are lists, which no route takes: whoever is let in is answered 400 or 404,
or 2xx by lists, and nothing changes."""
WIDE = ("subscription", "resource group", "workspace")
PLACES = (*WIDE, "the resource itself", "another resource")
_PARAMETER = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    action: str

    @property
    def resource(self) -> str:
        """The innermost resource around it: of a list the one that holds it."""
        return scopes_above(self.path)[0]


@dataclass(frozen=True)
class Holder:
    """A principal with one role. scopes: on which it has it."""

    role: RoleSpec
    place: str
    scopes: Sequence[str]
    token: str

    def may(self, operation: Operation) -> bool:
        """Told from the role and the path alone."""
        return self.role.allows(operation.action) and any(is_within(operation.path, each) for each in self.scopes)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path_factory.mktemp("home")) as world:
        yield world


@pytest.fixture(scope="module")
def operations(api: InProcessApi) -> Sequence[Operation]:
    document = api.call("GET", "/openapi.json", token=None).json()
    here = api.workspace
    known = {"subscription": here.subscription, "group": here.resource_group, "workspace": here.name}
    known |= {"location": "local", "below": here.path.removeprefix("/subscriptions/"), "operation": f"oe:{NAME}"}
    return [
        Operation(method.upper(), _PARAMETER.sub(lambda name: known.get(name[1], NAME), path), operation["x-action"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "x-action" in operation
    ]


def test_every_operation_that_takes_a_token_names_its_action(
    api: InProcessApi, operations: Sequence[Operation]
) -> None:
    document = api.call("GET", "/openapi.json", token=None).json()
    guarded = [
        (method, path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if {"bearer": []} in operation.get("security", ())
    ]
    assert len(guarded) == len(operations) > 100
    without = asyncio.run(_statuses(api, operations, ""))
    assert set(without.values()) == {401}


@pytest.mark.parametrize("place", PLACES)
def test_who_is_allowed_gets_in_and_nobody_else(api: InProcessApi, operations: Sequence[Operation], place: str) -> None:
    wrong: list[str] = []
    opened = 0
    for holder in holders(api, operations, place):
        for operation, status in asyncio.run(_statuses(api, operations, holder.token)).items():
            opened += status != 403
            if holder.may(operation) is (status == 403) or status in (401, 500):
                wrong.append(f"{holder.role.role_name} on {place}: {operation.method} {operation.path}: {status}")
    assert not wrong, "\n".join(wrong)
    assert (opened > 0) is (place != "another resource"), "the table would say nothing"


def holders(api: InProcessApi, operations: Sequence[Operation], place: str) -> Iterator[Holder]:
    """One of each built-in role, on the place alone."""
    here = api.workspace
    wide = dict(zip(WIDE, (here.subscription_path, here.group_path, here.path), strict=True))
    own = sorted({each.resource for each in operations} - {*wide.values(), "/"})
    others = {each.replace(NAME, OTHER) if NAME in each else f"{each}-2" for each in own}
    scopes = [wide[place]] if place in wide else own if place == PLACES[3] else sorted(others)
    for role, spec in BUILT_IN.items():
        principal = _made(api, f"{place} {role}")
        for scope in scopes:
            principal = api.granted(principal, role, scope)
        yield Holder(spec, place, scopes, api.token(principal))


def _made(api: InProcessApi, name: str) -> Principal:
    path = api.workspace.principal(re.sub(r"\W", "-", name))
    made = api.call("PUT", path, {"properties": {"type": "ServicePrincipal"}}).json()
    found = api.store.principals.find(made["properties"]["clientId"])
    assert found is not None
    return found


async def _statuses(api: InProcessApi, operations: Sequence[Operation], token: str) -> Mapping[Operation, int]:
    return {each: await _status(api, each, token) for each in operations}


async def _status(api: InProcessApi, operation: Operation, token: str) -> int:
    """By ASGI itself: of an answer only its beginning is waited for, since some have no end."""
    status: list[int] = []
    told = asyncio.Event()
    headers = [(b"host", b"127.0.0.1:8080"), (b"content-type", b"application/json")]
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": operation.method,
        "scheme": "http",
        "path": operation.path,
        "raw_path": operation.path.encode(),
        "query_string": b"api-version=1",
        "headers": [*headers, *([(b"authorization", f"Bearer {token}".encode())] if token else [])],
    }
    body = [{"type": "http.request", "body": b"[]", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if body:
            return body.pop()
        await told.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])
            told.set()

    await api.app(scope, receive, send)
    return status[0]
