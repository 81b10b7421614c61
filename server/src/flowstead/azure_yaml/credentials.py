"""`credentials` of a connection: by their `type`, the fields that belong to it. No error repeats a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.fields import Section, filled_text, texts


@dataclass(frozen=True)
class Credentials:
    """auth_type: as REST spells it. body: of `properties.credentials`, None when there is nothing to send: a type
    without secrets, or one whose stored secrets stay."""

    auth_type: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)


_Fields: TypeAlias = "tuple[Mapping[str, str], Section]"


def _words(*keys: str, **renamed: str) -> _Fields:
    """YAML's keys → REST's names, which are the same in camel case where no other is given."""
    names = {key: re.sub(r"_(.)", lambda match: match[1].upper(), key) for key in keys} | renamed
    return names, Section(dict.fromkeys(names, filled_text), ignored=("type",))


_BY_TYPE: Mapping[str, tuple[str, _Fields]] = {
    "api_key": ("ApiKey", _words("key")),
    "custom_keys": ("CustomKeys", ({"keys": "keys"}, Section({"keys": texts}, ignored=("type",)))),
    "pat": ("PAT", _words("pat")),
    "sas": ("SAS", _words(sas_token="sas")),  # noqa: S106  a name
    "account_key": ("AccountKey", _words(account_key="sas")),  # Azure ML's clients send it under this name
    "username_password": ("UsernamePassword", _words("username", "password")),
    "access_key": ("AccessKey", _words("access_key_id", "secret_access_key")),
    "service_principal": ("ServicePrincipal", _words("client_id", "client_secret", "tenant_id")),
    "managed_identity": ("ManagedIdentity", _words("client_id", "resource_id")),
    "aad": ("AAD", _words()),
    "none": ("None", _words()),
}


def credentials(entry: Entry) -> Credentials:
    """Of the key of that name. A type alone, as `show` prints it, leaves stored secrets as they are. Raises
    BadArgument."""
    if not isinstance(entry.value, Mapping):
        raise entry.wrong("must hold keys, among them `type`.")
    kind = entry.value.get("type")
    found = _BY_TYPE.get(kind.text.lower()) if kind is not None else None
    if found is None:
        raise (kind or entry).wrong(
            "is no type of credentials." if kind else "the key type is missing.",
            hint=f"It is one of {', '.join(_BY_TYPE)}.",
        )
    auth_type, (names, section) = found
    read = section(entry)
    missing = [key for key in names if key not in read]
    if read and missing:
        raise entry.wrong(f"the key {missing[0]} is missing.", hint=f"Add `{missing[0]}:`.")
    return Credentials(auth_type, {names[key]: value for key, value in read.items()} or None)


def api_key(entry: Entry) -> Credentials:
    """`api_key:` at the top of the file."""
    return Credentials("ApiKey", {"key": filled_text(entry)})


def custom_keys(entry: Entry) -> Credentials:
    """`secrets:` of prompt flow's custom connections."""
    if not isinstance(entry.value, Mapping):
        raise entry.wrong("must be a mapping of names to texts.")
    return Credentials("CustomKeys", {"keys": texts(entry)})


def written_credentials(auth_type: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The same the other way round: `credentials` of YAML, from what REST says, secrets in it."""
    for word, (rest, (names, _)) in _BY_TYPE.items():
        if rest.lower() == auth_type.lower():
            return {"type": word, **{key: body[name] for key, name in names.items() if name in body}}
    return {"type": "none"}
