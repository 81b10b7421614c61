"""Connections on the wire and in the store."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from pydantic import Field, JsonValue

from flowstead.api.arm import envelope
from flowstead.api.bodies import MAX_MAP_ENTRIES, Body
from flowstead.errors import BadArgument
from flowstead.resources.connection import (
    AUTH_MODE,
    AUTH_TYPES,
    BY_ENTRA,
    BY_KEY,
    NO_TARGET,
    WITHOUT_SECRET,
    ConnectionSpec,
    auth_mode_of,
    auth_type_named,
    credential_names,
    credentials_of,
    shown_target,
)
from flowstead.store.records import ConnectionRecord
from flowstead_runtime.secret_values import looks_secret

MAX_CONNECTION_BYTES = 64 * 1024
"""An instance gets each of its connections as one environment variable."""

MAX_CREDENTIAL_NAME = 256
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_WORD = re.compile(r"[A-Za-z_.]{1,40}")
_SCALARS = (str, int, float, bool, type(None))


class ConnectionProperties(Body):
    """authType: when it is absent, what the credentials tell. credentials: `{"key": …}`, `{"keys": {NAME: …}}` or
    the fields of another type; absent or empty: those that are kept stay."""

    category: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_. -]{0,99}$")]
    auth_type: Annotated[str, Field(max_length=64)] | None = None
    target: Annotated[str, Field(max_length=4096)] | None = None
    metadata: dict[str, JsonValue] | None = None
    credentials: dict[str, JsonValue] | None = Field(default=None, repr=False)
    is_shared_to_all: bool | None = None
    expiry_time: Annotated[str, Field(max_length=64)] | None = None


class ConnectionBody(Body):
    properties: ConnectionProperties


def with_its_mode(body: ConnectionBody) -> ConnectionBody:
    """The body with an `auth_mode` of its metadata said by the authType alone, as it is kept: by Entra ID there is no
    key, whatever else the body gives. Raises BadArgument."""
    given = body.properties
    mode = auth_mode_of(given.category, given.metadata or {})
    if mode is None:
        return body
    if mode not in (BY_KEY, BY_ENTRA):
        raise BadArgument(
            f"metadata.{AUTH_MODE} is neither {BY_KEY} nor {BY_ENTRA}.", target=f"properties.metadata.{AUTH_MODE}"
        )
    by_key = {"auth_type": given.auth_type or "ApiKey"}
    if mode == BY_KEY and auth_type_named(by_key["auth_type"]) in WITHOUT_SECRET:
        raise BadArgument(
            f"metadata.{AUTH_MODE} is {BY_KEY}, and the authType says that there is none.",
            hint="Give the authType ApiKey and the key, or leave one of the two out.",
            target="properties.authType",
        )
    said = by_key if mode == BY_KEY else {"auth_type": "AAD", "credentials": None}
    rest = {name: value for name, value in (given.metadata or {}).items() if name != AUTH_MODE}
    return body.model_copy(update={"properties": given.model_copy(update={**said, "metadata": rest})})


def credentials_in(body: ConnectionBody) -> dict[str, str] | None:
    """By name, None when the body gives none and those that are kept are meant. Raises BadArgument, which repeats no
    value."""
    given = body.properties.credentials
    if not given:
        return None
    for name, value in given.items():
        is_text = value is None or isinstance(value, str)
        if name != "keys" and not (is_text and _FIELD.fullmatch(name)):
            # Where something else stands than a word, it may be the secret itself.
            field = f"credentials.{name}" if _WORD.fullmatch(name) else "credentials"
            raise BadArgument(
                f"{field} is no text, or has a name that cannot be.",
                hint='Custom keys may have any name: {"keys": {NAME: "…"}}.',
                target=f"properties.{field}",
            )
    keys = given.get("keys") or {}
    if not isinstance(keys, dict) or not all(isinstance(each, str) for each in keys.values()):
        raise BadArgument("credentials.keys is no object of texts.", target="properties.credentials.keys")
    if len(keys) > MAX_MAP_ENTRIES or any(not 0 < len(name) <= MAX_CREDENTIAL_NAME for name in keys):
        raise BadArgument(
            f"credentials.keys has more than {MAX_MAP_ENTRIES} entries, or a name of no or over {MAX_CREDENTIAL_NAME} "
            "characters.",
            target="properties.credentials.keys",
        )
    return credential_names(given) or None


def brought_by(patch: Mapping[str, Any]) -> Collection[str]:
    """Names of the credentials that a merge patch gives, whatever stays beside them."""
    properties = patch.get("properties")
    given = properties.get("credentials") if isinstance(properties, Mapping) else None
    return credential_names(given).keys() if isinstance(given, Mapping) else ()


def to_spec(body: ConnectionBody, credentials: Mapping[str, str]) -> ConnectionSpec:
    """What is to be kept beside the secrets. credentials: that it will have, by name. Raises BadArgument."""
    for rule in _BODY_RULES:
        rule(body)
    given = body.properties
    spec = ConnectionSpec(
        category=given.category,
        auth_type=_auth_type(given.auth_type, credentials),
        target=None if given.target == NO_TARGET else given.target,
        metadata=given.metadata or {},
        credentials=tuple(sorted(credentials)),
        is_shared_to_all=given.is_shared_to_all is not False,
        expiry_time=given.expiry_time,
    )
    _check_credentials(spec)
    size = len(json.dumps([given.target, given.metadata, dict(credentials)]).encode())
    if size > MAX_CONNECTION_BYTES:
        raise BadArgument(f"The connection has {size} bytes; the limit is {MAX_CONNECTION_BYTES}.", target="properties")
    return spec


def show(record: ConnectionRecord, secrets: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The connection as GET shows it; with its secrets, as listsecrets does. credentialNames is ours: which secrets
    are kept, `key` or `keys.NAME`."""
    spec = record.spec
    properties: dict[str, Any] = {
        "authType": spec.auth_type,
        "category": spec.category,
        "target": shown_target(spec),
        "metadata": dict(spec.metadata),
        "isSharedToAll": spec.is_shared_to_all,
        "credentialNames": list(spec.credentials),
    }
    if spec.expiry_time is not None:
        properties["expiryTime"] = spec.expiry_time
    if secrets is not None:
        properties["credentials"] = credentials_of(secrets)
    return envelope(record, "workspaces/connections", properties)


def _auth_type(written: str | None, credentials: Mapping[str, str]) -> str:
    if written is None:
        return "ApiKey" if "key" in credentials else "CustomKeys" if credentials else "None"
    known = auth_type_named(written)
    if known is None:
        raise BadArgument(
            "authType is unknown.",
            hint=f"It is one of {', '.join(AUTH_TYPES)}.",
            target="properties.authType",
        )
    return known


def _check_credentials(spec: ConnectionSpec) -> None:
    if spec.auth_type in WITHOUT_SECRET:
        return
    wanted = {
        "ApiKey": ("key" in spec.credentials, '{"key": "…"}'),
        "CustomKeys": (any(name.startswith("keys.") for name in spec.credentials), '{"keys": {"NAME": "…"}}'),
    }
    there, form = wanted.get(spec.auth_type, (bool(spec.credentials), "with the fields of that type"))
    if not there:
        raise BadArgument(
            f"A connection that authenticates by {spec.auth_type} needs credentials, and none are kept for it.",
            hint=f"Give properties.credentials {form}.",
            target="properties.credentials",
        )


def _metadata_is_flat(body: ConnectionBody) -> None:
    metadata = body.properties.metadata or {}
    if len(metadata) > MAX_MAP_ENTRIES or not all(_is_scalar(each) for each in metadata.values()):
        raise BadArgument(
            f"metadata holds something else than up to {MAX_MAP_ENTRIES} texts and numbers.",
            target="properties.metadata",
        )


def _is_scalar(value: JsonValue) -> bool:
    """A text, a finite number, a truth value or null: no answer could be encoded with NaN."""
    return isinstance(value, _SCALARS) and not (isinstance(value, float) and not math.isfinite(value))


def _secrets_are_credentials(body: ConnectionBody) -> None:
    """What everybody can read must hold no secret, as far as its look tells."""
    shown = {"target": body.properties.target or ""}
    shown |= {f"metadata.{name[:80]}": str(value) for name, value in (body.properties.metadata or {}).items()}
    for name, value in shown.items():
        if looks_secret("", value):
            raise BadArgument(
                f"{name} looks like a secret, and everybody who may see the connection would see it.",
                hint="Put secrets into properties.credentials.",
                target=f"properties.{name}",
            )


_BODY_RULES: tuple[Callable[[ConnectionBody], None], ...] = (_metadata_is_flat, _secrets_are_credentials)
