"""Where a connection comes from.

In this order, the first that knows the name wins:

1. the connections file (`--connections FILE`, else `FLOWSTEAD_CONNECTIONS`): `{"name": {"type": …, field: …}}`;
2. `PROMPTFLOW_ENCODED_CONNECTIONS` (also `PF_…`): base64 of gzipped JSON `{"name": {"type", "value", "secret_keys"}}`;
3. a variable named like the connection, blanks as `_`, holding `{"type", "value", "secret_keys"}` as JSON, or the
   name of another connection.

Then, whatever its source: `{CONNECTION}_{FIELD}` (upper case, blanks as `_`) replaces a field that the connection has
or its type knows, and a field that reads `${env:NAME}` is replaced by that variable.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from collections.abc import Collection, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Protocol

from flowstead_runtime.connections.types import CONNECTION_TYPES, Connection, CustomConnection, type_named
from flowstead_runtime.errors import ConnectionInvalid

FILE_VARIABLE = "FLOWSTEAD_CONNECTIONS"
ENCODED_VARIABLES = ("PROMPTFLOW_ENCODED_CONNECTIONS", "PF_ENCODED_CONNECTIONS")
_MAX_BYTES = 16 * 1024 * 1024
_ENV_VALUE = re.compile(r"^\$\{env:([^}]+)\}$")
_FIELD_VALUE = re.compile(r"^\$\{([^{}.:]+)\.([^{}.:]+)\}$")
_ABOUT = ("type", "name", "module", "secret_keys", "$schema")


class ConnectionSource(Protocol):
    """Gives connections by name."""

    def get(self, name: str) -> Connection:
        """The connection, always the same object for a name. Raises ConnectionInvalid when it is missing or wrong."""


class Connections:
    """The documented order over one environment. file: wins over FLOWSTEAD_CONNECTIONS."""

    def __init__(self, environ: Mapping[str, str], *, file: Path | None = None) -> None:
        """Raises ConnectionInvalid when the file or the encoded variable cannot be read."""
        self._environ = environ
        self._made: dict[str, Connection] = {}
        named = file or (Path(environ[FILE_VARIABLE]) if environ.get(FILE_VARIABLE) else None)
        self._file = _read_file(named) if named else {}
        self._encoded = _read_encoded(environ)

    def get(self, name: str) -> Connection:
        if name not in self._made:
            self._made[name] = self._overridden(connection_from(name, self._find(name, ())))
        return self._made[name]

    def _find(self, name: str, chain: tuple[str, ...]) -> Mapping[str, Any]:
        if name in self._file:
            return self._file[name]
        if name in self._encoded:
            return self._encoded[name]
        variable = name.replace(" ", "_")
        text = self._environ.get(variable)
        if not text:
            raise ConnectionInvalid(
                f"Connection '{name}' is not configured. Add it to the connections file (--connections or "
                f"{FILE_VARIABLE}), or set the variable {variable} to its JSON."
            )
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if isinstance(value, dict):
            return value
        if isinstance(value, str) and value not in (name, *chain) and self._knows(value):
            return self._find(value, (*chain, name))
        # What the variable holds could be a secret, so it is not quoted.
        raise ConnectionInvalid(
            f"The variable {variable} holds neither the connection '{name}' as JSON nor another connection's name."
        )

    def _knows(self, name: str) -> bool:
        return name in self._file or name in self._encoded or bool(self._environ.get(name.replace(" ", "_")))

    def _overridden(self, connection: Connection) -> Connection:
        prefix = _variable_name(connection.name)
        for key in list(connection):
            value = self._environ.get(f"{prefix}_{_variable_name(key)}", connection[key])
            fields = connection.secrets if connection.is_secret(key) else connection.configs
            fields[key] = self._from_environment(connection.name, key, value)
        return connection

    def _from_environment(self, name: str, key: str, value: Any) -> Any:
        match = _ENV_VALUE.match(value) if isinstance(value, str) else None
        if match is None:
            return value
        if match[1] not in self._environ:
            raise ConnectionInvalid(
                f"Connection '{name}': its field '{key}' is taken from the variable {match[1]}, which is not set."
            )
        return self._environ[match[1]]


def connection_from(name: str, raw: Mapping[str, Any]) -> Connection:
    """The connection that a file or variable describes: `type`, and its fields either beside it, under `value`, or, for
    a custom one, under `configs` and `secrets`. Raises ConnectionInvalid."""
    written = raw.get("type")
    kind = type_named(written) if isinstance(written, str) else None
    if kind is None:
        known = ", ".join(k.TYPE for k in CONNECTION_TYPES)
        raise ConnectionInvalid(f"Connection '{name}' has the unknown type '{written}'; it is one of {known}.")
    value = raw.get("value")
    fields = value if isinstance(value, Mapping) else {k: v for k, v in raw.items() if k not in _ABOUT}
    if kind is not CustomConnection:
        return kind(name=name, **{str(key): item for key, item in fields.items() if key != "name"})
    secret_keys = set(raw.get("secret_keys") or ())
    configs, secrets = dict(_mapping(fields, "configs")), dict(_mapping(fields, "secrets"))
    for key, item in fields.items():
        if key not in ("configs", "secrets") or not isinstance(item, Mapping):
            (secrets if key in secret_keys else configs)[key] = item
    return CustomConnection(name=name, configs=configs, secrets=secrets)


def resolve_environment(
    environ: MutableMapping[str, str], connections: ConnectionSource, *, declared: Collection[str] = ()
) -> None:
    """Replace every value `${connection.field}` of the environment by that field. A field that the connection does not
    have leaves the text as it is, and so does a connection that does not exist, but for the variables that the flow
    declares: for them it raises ConnectionInvalid."""
    for variable, text in list(environ.items()):
        match = _FIELD_VALUE.match(text)
        if match is None:
            continue
        try:
            connection = connections.get(match[1])
        except ConnectionInvalid as error:
            if variable not in declared:
                continue
            raise ConnectionInvalid(f"The environment variable {variable}: {error.message}") from None
        if match[2] in connection:
            environ[variable] = str(connection[match[2]])


def _variable_name(text: str) -> str:
    return str(text).replace(" ", "_").upper()


def _mapping(fields: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = fields.get(key)
    return value if isinstance(value, Mapping) else {}


def _read_file(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConnectionInvalid(f"The connections file {path} cannot be read: {error.strerror or error}") from None
    except ValueError:
        # The parser's own message could quote a secret.
        raise ConnectionInvalid(f"The connections file {path} is not valid JSON.") from None
    return _table(document, f"The connections file {path}")


def _read_encoded(environ: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    for variable in ENCODED_VARIABLES:
        text = environ.get(variable)
        if not text:
            continue
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(base64.b64decode(text))) as packed:
                document = json.loads(packed.read(_MAX_BYTES))
        except (ValueError, OSError, EOFError):
            raise ConnectionInvalid(f"The variable {variable} is not base64 of gzipped JSON.") from None
        return _table(document, f"The variable {variable}")
    return {}


def _table(document: Any, where: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(document, dict) or not all(isinstance(v, dict) for v in document.values()):
        raise ConnectionInvalid(f'{where} must hold {{"name": {{"type": …, field: …}}}}.')
    return document
