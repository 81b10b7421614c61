"""Writes the reference pages that come from code.

python docs/generate.py          write them
python docs/generate.py --check  fail when one is out of date (make lint)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from flowstead.access.identity_grants import ANY_SERVICE, SIGNED_IN
from flowstead.api.application import ROUTERS
from flowstead.api.description import needed_actions
from flowstead.errors import all_errors
from flowstead.resources.built_in_roles import BUILT_IN
from flowstead.resources.names import Workspace
from flowstead.resources.role import (
    AUTHORIZATION,
    GET_TOKEN,
    ML,
    PULL_IMAGES,
    READ_BLOBS,
    READ_SECRETS,
    SCORE,
    WRITE_METRICS,
    RoleSpec,
    scopes_above,
)

REFERENCE = Path(__file__).resolve().parent / "reference"
PROVIDED = Path(__file__).resolve().parent.parent / "requirements" / "runtime.txt"


def errors_page() -> str:
    rows = [
        f"| `{error.code}` | {error.status} | {(error.__doc__ or '').strip()} | {error.hint} |"
        for error in all_errors()
    ]
    table = "\n".join(dict.fromkeys(rows))
    return f"""\
# Errors

Made from `flowstead/errors.py`. `code` and status are those of REST answers and of failed operations; the command line
prints the code, the message and the next step.

| code | status | what happened | next step |
|---|---|---|---|
{table}
"""


def packages_page() -> str:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", PROVIDED.read_text("utf-8"), re.M)
    table = "\n".join(f"| {name} | {version} |" for name, version in pins)
    return f"""\
# Packages of the default runtime

Made from `requirements/runtime.txt`. Every environment has these beside the flow's own requirements, which win where
they pin another version. `promptflow` and its parts are served by the runtime itself.

| package | version |
|---|---|
{table}
"""


def roles_page() -> str:
    names = "\n".join(f"| {key} | {spec.role_name} | `{guid}` | {spec.description} |" for key, guid, spec in ROLES)
    return f"""\
# Roles

Made from `flowstead/resources/built_in_roles.py` and from what each route asks for. How to grant them:
[Who may do what](../guide/access.md).

| | role | id | what it is for |
|---|---|---|---|
{names}

A role holds on the scope where it is granted and on all that is below it. Custom roles are made of the same actions.

## Who may call which route

An action is asked on the resource in the second column; a grant on that resource, or on one that contains it, is
enough. `…` is `{ML}`; `{{workspace}}`, `{{group}}` and `{{subscription}}` stand for their
ids, `{{scope}}` for any id. Operations may also be followed by whoever may read what they change, and by whoever began
them.

| action, and its routes | asked on | {" | ".join(key for key, _, _ in ROLES)} |
|---|---|{"---|" * len(ROLES)}
{_lines(_route_rows())}

## What else is asked

Besides what each route asks of its caller: of who scores, of the identity of an endpoint, and of who changes where kept
credentials go. Data actions, which are about what is in a resource, are written *in italics*: here they decide about
blobs in the storage account, and about the resources that connections sign in to.

| action | asked on | of whom, and when | {" | ".join(key for key, _, _ in ROLES)} |
|---|---|---|{"---|" * len(ROLES)}
{_lines(_other_rows())}
"""


ROLES: list[tuple[str, str, RoleSpec]] = [
    (key, guid, spec)
    for key, (guid, spec) in zip(
        ("O", "C", "R", "UA", "DS", "SR", "MW", "AP", "BR", "OU", "OC", "CU", "SI"), BUILT_IN.items(), strict=True
    )
]
"""Each with the letters at the head of its column."""
_SITE = Workspace("{subscription}", "{group}", "{workspace}")
_SHORT = (
    (_SITE.path, "{workspace}"),
    (_SITE.group_path, "{group}"),
    (_SITE.subscription_path, "{subscription}"),
    ("/subscriptions/{below}", "{scope}"),
)


def _route_rows() -> Iterator[list[str]]:
    routes: dict[tuple[str, str], list[str]] = {}
    for (path, method), action in sorted(needed_actions(ROUTERS).items(), key=lambda each: (each[1], each[0])):
        # Grants are made on what the assignments and definitions are about, not on these.
        about = path.partition(f"/providers/{AUTHORIZATION}/")[0] or "/"
        routes.setdefault((action, _short(scopes_above(about)[0])), []).append(f"{method} {_short(path)}")
    for (action, scope), calls in routes.items():
        listed = "<br>".join(f"`{call}`" for call in calls)
        yield [f"{_action(action)}<br>{listed}", f"`{scope}`", *(_mark(spec.allows(action)) for _, _, spec in ROLES)]


def _other_rows() -> Iterator[list[str]]:
    reads = "the identity, before an instance starts"
    assigned = "a user-assigned identity, before an instance starts"
    asked = [
        (SCORE, "the endpoint", "the caller, at each request to an endpoint with `aad_token`", False),
        (GET_TOKEN, "the endpoint", "who got the token, at each request to an endpoint with `aml_token`", False),
        (READ_SECRETS, "the connection", reads, False),
        (READ_SECRETS, "the connection", "who leads credentials that are kept for it elsewhere", False),
        (PULL_IMAGES, "the registry", assigned, False),
        (READ_BLOBS, "the storage account", assigned, True),
        (WRITE_METRICS, "`{workspace}`", "the identity, whenever metrics are kept", False),
    ]
    signs_in = "the identity, before an instance starts with a connection that signs in to it"
    called = dict.fromkeys(action for _, action in (*SIGNED_IN.values(), ANY_SERVICE))
    asked += [(action, "the connection's target", signs_in, True) for action in called]
    for action, scope, when, is_data in asked:
        marks = (spec.allows_data(action) if is_data else spec.allows(action) for _, _, spec in ROLES)
        yield [f"*{_action(action)}*" if is_data else _action(action), scope, when, *map(_mark, marks)]


def _lines(rows: Iterator[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _mark(allowed: bool) -> str:
    return "●" if allowed else ""


def _action(action: str) -> str:
    return f"`{action.replace(ML, '…')}`"


def _short(path: str) -> str:
    for long, short in _SHORT:
        if path == long or path.startswith(f"{long}/"):
            return short + path.removeprefix(long)
    return path


PAGES: dict[str, Callable[[], str]] = {
    "errors.md": errors_page,
    "roles.md": roles_page,
    "runtime-packages.md": packages_page,
}


def main() -> int:
    stale = [name for name, page in PAGES.items() if _text_of(REFERENCE / name) != page()]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} is out of date: python docs/generate.py", file=sys.stderr)
        return 1 if stale else 0
    REFERENCE.mkdir(exist_ok=True)
    for name in stale:
        (REFERENCE / name).write_text(PAGES[name](), "utf-8")
    return 0


def _text_of(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
