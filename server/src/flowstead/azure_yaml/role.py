"""A role definition's file, as `az role definition create` takes it → the REST body's properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flowstead.azure_yaml.document import Document
from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.fields import Each, Kind, Section, filled_text, text

_ACTIONS = ("actions", "notActions", "dataActions", "notDataActions")
_WORDS = Each(filled_text)
_PERMISSION = Section(dict.fromkeys(_ACTIONS, _WORDS), ignored=("condition", "conditionVersion"))
_KEYS: Mapping[str, Kind] = {
    "name": filled_text,
    "roleName": filled_text,
    "id": text,
    "description": text,
    "assignableScopes": _WORDS,
    "permissions": Each(_PERMISSION),
    **dict.fromkeys(_ACTIONS, _WORDS),
}
_SHOWN_TOO = ("isCustom", "roleType", "type", "createdBy", "createdOn", "updatedBy", "updatedOn")
"""What `az role definition list` prints beside that: taken, and left unread."""
_ROLE = Section(_KEYS, ignored=_SHOWN_TOO)
_SPELT = {key.lower(): key for key in (*_KEYS, *_SHOWN_TOO, "properties", "condition", "conditionVersion")}


@dataclass(frozen=True)
class RoleDocument:
    """id: a GUID or an ARM id, "" when the file has none. assignable_scopes: as they were written. properties: the
    others, of the PUT."""

    id: str
    name: str
    assignable_scopes: tuple[str, ...]
    properties: Mapping[str, Any]


def read_role(document: Document) -> RoleDocument:
    """Keys may begin with a capital letter, as in `az`'s own examples, or be those that `role definition list` prints.
    Raises BadArgument naming file, line and key."""
    top = _with_known_spelling(document.top)
    if isinstance(top.value, Mapping) and "properties" in top.value:  # as REST and the portal have it
        inner = top.value["properties"]
        outer = {key: entry for key, entry in top.value.items() if key in ("id", "name")}
        top = replace(inner, value={**_renamed(outer), **_mapping(inner)})
    read = _ROLE(top)
    permissions = read.get("permissions", [])
    if len(permissions) > 1:
        raise top.wrong("permissions: a role has one set of actions.", hint="Write one item.")
    flat = {key: read[key] for key in _ACTIONS if key in read}
    if permissions and flat:
        raise top.wrong("has both permissions and actions.", hint="Write the actions in one place.")
    name = read.get("roleName") or read.get("name")
    if not name:
        raise top.wrong("the key Name is missing.", hint="Add `Name:`.")
    given = permissions[0] if permissions else flat
    return RoleDocument(
        id=read.get("id", "") or (read.get("name", "") if "roleName" in read else ""),
        name=name,
        assignable_scopes=tuple(read.get("assignableScopes", ())),
        properties={
            "roleName": name,
            "description": read.get("description", ""),
            "type": "CustomRole",
            "permissions": [{key: given.get(key, []) for key in _ACTIONS}],
        },
    )


def _with_known_spelling(entry: Entry) -> Entry:
    """Keys of mappings as we spell them: `NotActions` → `notActions`."""
    if isinstance(entry.value, Mapping):
        return replace(entry, value=dict(_spelt(entry.value)))
    if isinstance(entry.value, Sequence) and not isinstance(entry.value, str):
        return replace(entry, value=[_with_known_spelling(each) for each in entry.value])
    return entry


def _spelt(mapping: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    for key, child in mapping.items():
        yield _SPELT.get(key.lower(), key), _with_known_spelling(child)


def _renamed(outer: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """A resource's name is its GUID; the role's own name is among its properties."""
    return {"id": outer["name"]} if "name" in outer else dict(outer)


def _mapping(entry: Entry) -> Mapping[str, Entry]:
    return entry.value if isinstance(entry.value, Mapping) else {}
