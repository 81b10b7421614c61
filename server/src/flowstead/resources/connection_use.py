"""Which of the workspace's connections a deployment uses, and what its instances get of them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

CONNECTION_SECRET_PREFIX = "connections."  # noqa: S105 a name
"""Among a deployment's secrets: what a connection's document is called by."""
INSTANCE_PREFIX = "FLOWSTEAD_CONNECTION_"
"""The variable in which an instance gets a connection, as `flowstead_runtime.connections.sources` has it: the server
may not import that module, a test compares."""

SECRET_VARIABLES = "FLOWSTEAD_SECRET_VARIABLES"  # noqa: S105 a name
"""The variable that tells an instance which of the others hold secrets, as `flowstead_runtime.connections.hiding` has
it; a test compares."""

_ELSEWHERE = ("CONNECTIONS", "ENCODED_CONNECTIONS", "HTTP_CONNECTION_PROVIDER_ENDPOINT")
"""A variable with one of these ends tells of more connections, which only the instance can find."""
_REFERENCE = re.compile(
    r"\s*\$\{\{\s*azureml://connections/(?P<connection>[^/{}\s]+)"
    r"(?:/(?P<part>target|credentials|metadata)(?:/(?P<field>[^{}]+?))?)?\s*\}\}\s*"
)
_MEANT = re.compile(r"\$\{\{\s*(?:azureml|keyvault)\s*:", re.IGNORECASE)
REFERENCE_FORMS = "${{azureml://connections/NAME/credentials/FIELD}}, …/metadata/FIELD or …/target"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,254}")


@dataclass(frozen=True)
class ConnectionUse:
    """name: as the flow says, "" for a variable that holds a part of the connection. connection: the workspace's one
    that stands for it. by: who uses it, in words. required: the deployment cannot start without it."""

    name: str
    connection: str
    by: tuple[str, ...]
    required: bool


class Reference(NamedTuple):
    """`${{azureml://connections/NAME/credentials/FIELD}}` and its like. part: target, credentials, metadata, or ""
    for all of the connection."""

    connection: str
    part: str
    field: str


class Named(NamedTuple):
    """A connection that the flow names, as its files were read."""

    name: str
    by: tuple[str, ...]
    required: bool


def uses_of(named: Iterable[Named], variables: Mapping[str, str]) -> tuple[ConnectionUse, ...]:
    """variables: the deployment's, secrets in clear; a connection that they describe is not the workspace's."""
    elsewhere = any(variables.get(name) for name in _telling_of_more())
    found: dict[tuple[str, str], ConnectionUse] = {}
    for name, by, required in named:
        connection = _standing_for(name, variables)
        if connection is not None:
            use = ConnectionUse(name, connection, by, required and not elsewhere)
            found[(name, connection)] = use
    for variable, value in variables.items():
        reference = reference_in(value)
        if reference is None:
            continue
        key = ("", reference.connection)
        known = found.get(key, ConnectionUse("", reference.connection, (), required=True))
        found[key] = replace(known, by=(*known.by, f"variable '{variable}'"))
    return tuple(found.values())


def reference_in(value: str) -> Reference | None:
    match = _REFERENCE.fullmatch(value)
    return Reference(match["connection"], match["part"] or "", match["field"] or "") if match else None


def what_is_wrong_with(value: str) -> str:
    """Of a variable's value that is meant as a reference and is none, in words; "" for every other value."""
    begin = _MEANT.search(value)
    if begin is None or reference_in(value) is not None:
        return ""
    end = value.find("}}", begin.end())
    if end < 0:
        return "its braces do not end"
    alone = value[begin.start() : end + 2]
    if alone != value.strip():
        return "a reference is the whole of a value, and this one has more around it"
    if "connections/" not in alone:
        return "only parts of connections can be referred to"
    return "it names no part that a connection has"


def resolved(reference: Reference, document: str) -> str | None:
    """What the variable holds in the instance; None when the connection has no such field."""
    if not reference.part:
        return document
    properties = json.loads(document)["properties"]
    if reference.part == "target":
        return None if properties["target"] is None else str(properties["target"])
    return fields_of(properties, reference.part).get(reference.field)


def fields_of(properties: Mapping[str, Any], part: str) -> dict[str, str]:
    """The names that a reference may give after `credentials/` or `metadata/`, with their values."""
    fields = properties.get(part) or {}
    nested = fields.get("keys") if part == "credentials" else None
    flat = {name: value for name, value in fields.items() if name != "keys" or not isinstance(value, Mapping)}
    return {name: str(value) for name, value in {**flat, **(nested or {})}.items() if value is not None}


def variables_with_connections(
    variables: Mapping[str, str], uses: Iterable[ConnectionUse], secrets: Mapping[str, str]
) -> dict[str, str]:
    """An instance's variables: references replaced, and the connections that its flow names. secrets: as the store
    gives them, documents among them. What cannot be resolved is left out: a phase fails with it before any start."""
    found: dict[str, str] = {}
    secret: list[str] = []
    for name, value in variables.items():
        reference = reference_in(value)
        if reference is not None:
            secret += [name] if reference.part == "credentials" else []
            document = secrets.get(CONNECTION_SECRET_PREFIX + reference.connection)
            filled = resolved(reference, document) if document is not None else None
            if filled is None:
                continue
            found[name] = filled
        else:
            found[name] = value
    for use in uses:
        document = secrets.get(CONNECTION_SECRET_PREFIX + use.connection)
        if use.name and document is not None:
            found.setdefault(INSTANCE_PREFIX + use.connection, document)
    if secret:
        found[SECRET_VARIABLES] = json.dumps(sorted(secret))
    return found


def _standing_for(name: str, variables: Mapping[str, str]) -> str | None:
    """The workspace's connection for a name, by the variables that may name another one; None when a variable
    describes the connection itself, or holds what cannot be a name."""
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        value = variables.get(name.replace(" ", "_"), "").strip()
        if not value:
            return name
        reference = reference_in(value)
        if reference is not None:
            return None  # the reference is a use of its own
        if _is_object(value) or _NAME.fullmatch(value) is None:
            return None
        name = value
    return None


def _is_object(value: str) -> bool:
    try:
        return isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False


def _telling_of_more() -> Iterable[str]:
    yield "FLOWSTEAD_CONNECTIONS"
    for end in _ELSEWHERE:
        yield f"PROMPTFLOW_{end}"
        yield f"PF_{end}"
