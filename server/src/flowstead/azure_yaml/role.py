"""A role definition's file, as `az role definition create` takes it → the REST body's properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    top = _unwrapped(_with_known_spelling(document.top))
    read = _ROLE(top)
    name = read.get("roleName") or read.get("name")
    if not name:
        raise top.wrong("the key Name is missing.", hint="Add `Name:`.")
    actions = _actions(read, top)
    return RoleDocument(
        # Beside a roleName, name is the GUID, as in all that az prints.
        id=read.get("id", "") or (read.get("name", "") if "roleName" in read else ""),
        name=name,
        assignable_scopes=tuple(read.get("assignableScopes", ())),
        properties={
            "roleName": name,
            "description": read.get("description", ""),
            "type": "CustomRole",
            "permissions": [{key: actions.get(key, []) for key in _ACTIONS}],
        },
    )


def _unwrapped(top: Entry) -> Entry:
    """REST and the portal have it all below `properties`, beside the definition's own id and name."""
    if not isinstance(top.value, Mapping) or "properties" not in top.value:
        return top
    inner = top.value["properties"]
    guid = top.value.get("name") or top.value.get("id")
    own = {"id": guid} if guid else {}
    return replace(inner, value={**own, **(inner.value if isinstance(inner.value, Mapping) else {})})


def _actions(read: Mapping[str, Any], top: Entry) -> Mapping[str, list[str]]:
    permissions = read.get("permissions", [])
    flat = {key: read[key] for key in _ACTIONS if key in read}
    if len(permissions) > 1:
        raise top.wrong("permissions: a role has one set of actions.", hint="Write one item.")
    if permissions and flat:
        raise top.wrong("has both permissions and actions.", hint="Write the actions in one place.")
    return permissions[0] if permissions else flat


def _with_known_spelling(entry: Entry) -> Entry:
    """Keys of mappings as we spell them: `NotActions` → `notActions`."""
    if isinstance(entry.value, Mapping):
        spelt: dict[str, Entry] = {}
        for key, child in entry.value.items():
            known = _SPELT.get(key.lower(), key)
            if known in spelt:
                raise child.wrong(f"is there twice; the first is at {spelt[known].origin}.")
            spelt[known] = _with_known_spelling(child)
        return replace(entry, value=spelt)
    if isinstance(entry.value, Sequence) and not isinstance(entry.value, str):
        return replace(entry, value=[_with_known_spelling(each) for each in entry.value])
    return entry
