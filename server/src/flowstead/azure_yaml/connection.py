"""Connection YAML → the REST body of a connection: Azure ML's files, and prompt flow's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowstead.azure_yaml.connection_types import TYPES, ConnectionType
from flowstead.azure_yaml.credentials import Credentials, api_key, credentials, custom_keys
from flowstead.azure_yaml.document import Document
from flowstead.azure_yaml.entry import ON_THE_COMMAND_LINE, Entry
from flowstead.azure_yaml.fields import (
    IGNORED_AT_TOP,
    Choice,
    Section,
    anything,
    as_entry,
    filled_text,
    flag,
    text,
    texts,
)
from flowstead.azure_yaml.schemas import check_schema
from flowstead.resources.connection import BY_ENTRA, BY_KEY, WITHOUT_SECRET

_ADDRESSES = ("target", "api_base", "url", "azure_endpoint", "endpoint", "base_url")
"""Every spelling of where the connection leads, as the SDK takes them for any type."""
_FLOW = "azureml.flow."
"""Prefix of the metadata by which Azure ML knows prompt flow's own connection types."""


@dataclass(frozen=True)
class ConnectionDocument:
    """name: "" when neither file nor option gives one. body: of the PUT, secrets in it. notes: what it says that
    nothing follows from."""

    name: str
    body: dict[str, Any] = field(repr=False)
    notes: tuple[str, ...] = ()


def read_connection(document: Document) -> ConnectionDocument:
    """Raises BadArgument naming file, line and key; it repeats no value of the credentials."""
    check_schema(document, "connection")
    top = document.top
    kind = _type(top)
    read = _section(kind)(top)
    metadata = {**read.get("tags", {}), **_mapping(top, read.get("metadata", {}))}
    proof = _credentials(top, read, kind)
    if "secrets" in read or kind.flow_type:
        metadata |= {f"{_FLOW}connection_type": kind.flow_type or "Custom", f"{_FLOW}module": "promptflow.connections"}
    metadata |= read.get("configs", {})
    for key, name in kind.metadata.items():
        if key in read or kind.all_metadata:
            metadata[name] = read.get(key, metadata.get(name))
        if key in read and any(read[key] != read.get(other, read[key]) for other in _keys_of(name, kind)):
            raise _at(top, key).wrong("another key says another value of the same.", hint="Write one of them.")
    for key, (name, value) in kind.defaults.items():
        metadata[name] = read.get(key, metadata.get(name, value))
    missing = next((key for key in kind.required if key != "target" and not metadata.get(kind.metadata[key])), None)
    if missing:
        raise top.wrong(f"the key {missing} is missing.", hint=f"Add `{missing}:`.")
    properties: dict[str, Any] = {"category": kind.category, "authType": proof.auth_type}
    target = _target(top, read, kind)
    if target:
        properties["target"] = target
    if target and kind.flow_type:
        metadata[kind.address] = target  # where the runtime looks for it
    if proof.body is not None:
        properties["credentials"] = dict(proof.body)
    properties |= {"metadata": metadata, "isSharedToAll": read.get("is_shared", True)}
    return ConnectionDocument(read.get("name", ""), {"properties": properties}, tuple(_unkept(top, read)))


def _keys_of(name: str, kind: ConnectionType) -> Iterator[str]:
    return (key for key, known in kind.metadata.items() if known == name)


def _mapping(top: Entry, metadata: Any) -> Mapping[str, Any]:
    if isinstance(metadata, Mapping):
        return metadata
    raise top.wrong("metadata must be a mapping of names to values.")


def _type(top: Entry) -> ConnectionType:
    entry = top.value.get("type") if isinstance(top.value, Mapping) else None
    if entry is None or not isinstance(entry.value, str):
        raise (entry or top).wrong("the key type is missing." if entry is None else "must be a word.", hint=_hint())
    found = TYPES.get(entry.text.lower().replace("-", "_"))
    if found is None:
        raise entry.wrong(f"{entry.text[:60]!r} is no type of connection.", hint=_hint())
    return found


def _hint() -> str:
    return f"It is one of {', '.join(TYPES)}."


def _section(kind: ConnectionType) -> Section:
    keys: dict[str, Any] = {
        "name": filled_text,
        "type": text,
        "description": text,
        "tags": texts,
        "metadata": anything,
        "is_shared": flag,
        "credentials": credentials,
        "api_key": api_key,
        **dict.fromkeys(_ADDRESSES, filled_text),
        **dict.fromkeys((*kind.metadata, *kind.defaults), text),
    }
    if kind.category == "CustomKeys":
        keys |= {"configs": texts, "secrets": custom_keys}
    if kind.artifact:
        keys |= {"one_lake_workspace_name": filled_text, "artifact": Section({"type": text, "name": as_entry})}
    if kind.signs_in:
        keys["auth_mode"] = Choice({BY_KEY: BY_KEY, BY_ENTRA: BY_ENTRA})
    return Section(keys, ignored=(*IGNORED_AT_TOP, "creation_context", "module"))


def _credentials(top: Entry, read: Mapping[str, Any], kind: ConnectionType) -> Credentials:
    found: Credentials | None = read.get("api_key") or read.get("secrets") or read.get("credentials")
    mode = read.get("auth_mode")
    if mode == BY_ENTRA:
        return Credentials("AAD", None)
    if mode == BY_KEY and (found is None or found.auth_type in WITHOUT_SECRET):
        raise _at(top, "auth_mode").wrong(
            f"is {BY_KEY}, and there is no key.", hint=f"Add `api_key:`, or write `auth_mode: {BY_ENTRA}`."
        )
    if kind.flow_type and found is not None and found.auth_type == "ApiKey" and found.body:
        return Credentials("CustomKeys", {"keys": {"api_key": found.body["key"]}})
    if found is None or (found.auth_type == "None" and kind.without != "None"):
        if kind.without:
            return Credentials(kind.without, None)
        raise top.wrong(f"a connection of the type {kind.word} needs {kind.needs}.", hint=f"Add `{kind.needs}:`.")
    if kind.taken and found.auth_type not in kind.taken:
        raise top.wrong(
            f"a connection of the type {kind.word} does not take the credentials {found.auth_type}.",
            hint=f"It takes {', '.join(kind.taken)}.",
        )
    return found


def _unkept(top: Entry, read: Mapping[str, Any]) -> Iterator[str]:
    """Keys that are given to a connection that has none."""
    for key in ("api_key", "credentials"):
        if read.get("auth_mode") == BY_ENTRA and key in read and read[key].body:
            entry = _at(top, key)
            yield f"{entry.origin}: {entry.path}: is not kept: auth_mode is {BY_ENTRA}, so the connection has no key."


def _at(top: Entry, key: str) -> Entry:
    return top.value[key] if isinstance(top.value, Mapping) else top


def _target(top: Entry, read: Mapping[str, Any], kind: ConnectionType) -> str:
    found = _address(top)
    if kind.artifact and "target" not in read and "artifact" in read:
        name = read["artifact"].get("name")
        workspace = read.get("one_lake_workspace_name")
        if name is None or not workspace or not found:
            raise top.wrong(
                "of a lake, endpoint, one_lake_workspace_name and artifact.name are needed.",
                hint="Add what is missing.",
            )
        return f"https://{found}/{workspace}/{name.text}.Lakehouse"
    if not found and "target" in kind.required:
        raise top.wrong(f"the key {kind.address} is missing.", hint=f"Add `{kind.address}:`.")
    return found


def _address(top: Entry) -> str:
    """What --set says wins over the file, and over what `update` has from the server, by whichever key it is said."""
    known = top.value if isinstance(top.value, Mapping) else {}
    given = {key: known[key] for key in _ADDRESSES if key in known and known[key].value is not None}
    said = {key: entry for key, entry in given.items() if entry.origin == ON_THE_COMMAND_LINE} or given
    first = next(iter(said), "")
    for key, entry in said.items():
        if entry.text != said[first].text:
            raise entry.wrong(
                f"{first} names another address for the same connection.", hint=f"Write one of {first} and {key}."
            )
    return said[first].text if first else ""
