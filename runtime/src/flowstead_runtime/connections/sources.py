"""Where a connection comes from.

In this order, the first that knows the name wins:

1. the connections file (`--connections FILE`, else `FLOWSTEAD_CONNECTIONS`, else `PROMPTFLOW_CONNECTIONS`);
2. `PROMPTFLOW_ENCODED_CONNECTIONS`: base64 of gzipped JSON;
3. a variable named like the connection, blanks as `_`, holding its JSON or the name of another connection;
4. `FLOWSTEAD_CONNECTION_{name}`: the workspace's connection, as the server hands it to an instance;
5. `PROMPTFLOW_HTTP_CONNECTION_PROVIDER_ENDPOINT`: a service that is asked for it.

Then, whatever its source: `{CONNECTION}_{FIELD}` (upper case, blanks as `_`) replaces a field that the connection has
or its type knows, and a field that reads `${env:NAME}` is replaced by that variable. Every `PROMPTFLOW_X` is also read
as `PF_X`. The forms of a connection are those of `description`.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from flowstead_runtime.connections.description import describe
from flowstead_runtime.connections.types import ENTRA, KEY, Connection, EntraConnection
from flowstead_runtime.errors import ConnectionInvalid
from flowstead_runtime.promptflow_variables import promptflow_variable
from flowstead_runtime.secret_values import looks_secret

if TYPE_CHECKING:
    from flowstead_runtime.connections.http_provider import HttpProvider

FILE_VARIABLE = "FLOWSTEAD_CONNECTIONS"
WORKSPACE_PREFIX = "FLOWSTEAD_CONNECTION_"
FILE, ENCODED, HTTP = "CONNECTIONS", "ENCODED_CONNECTIONS", "HTTP_CONNECTION_PROVIDER_ENDPOINT"
"""promptflow's variables, without their prefix."""
DEFAULT = "default"
"""Where a field comes from that nobody gave."""

_MAX_BYTES = 16 * 1024 * 1024
_ENV_VALUE = re.compile(r"^\s*\$\{env:([^}]+)\}\s*$")
_FIELD_VALUE = re.compile(r"^\s*\$\{([^{}.:]+)\.([^{}.:]+)\}\s*$")
_AZURE_ML_NAME = re.compile(r"^\$\{\{\s*azureml://connections/([^/}\s]+)\s*\}\}$")
_NAME = re.compile(r"[\w. -]{1,255}")


class ConnectionSource(Protocol):
    """Gives connections by name."""

    def get(self, name: str) -> Connection:
        """The connection, always the same object for a name. Raises ConnectionInvalid when it is missing or wrong."""


@dataclass(frozen=True)
class Origin:
    """A connection and where it comes from. fields: where the value of each comes from, in words."""

    connection: Connection
    where: str
    fields: Mapping[str, str]


class Connections:
    """The documented order over one environment. file: wins over the variables that name one."""

    def __init__(self, environ: Mapping[str, str], *, file: Path | None = None) -> None:
        """Raises ConnectionInvalid when the file or the encoded variable cannot be read."""
        self._environ = environ
        self._origins: dict[str, Origin] = {}
        self._sources = (
            _file(environ, file),
            _encoded(environ),
            _Variables(environ),
            _Workspace(environ),
            _http(environ),
        )

    def get(self, name: str) -> Connection:
        return self.origin(name).connection

    def origin(self, name: str) -> Origin:
        """Raises as `get`."""
        if name not in self._origins:
            found = self._find(name, ())
            if found is None:
                raise ConnectionInvalid(
                    f"Connection '{name}' is not configured. Looked for, in this order, in "
                    f"{'; '.join(source.tried(name) for source in self._sources)}.{_unreachable(self._environ)}"
                )
            self._origins[name] = self._resolved(name, found)
        return self._origins[name]

    def _find(self, name: str, chain: tuple[str, ...]) -> _Found | None:
        for source in self._sources:
            found = source.find(name)
            if isinstance(found, _OtherName):
                return self._find_other(name, found, (*chain, name))
            if found is not None:
                return found
        return None

    def _find_other(self, name: str, other: _OtherName, chain: tuple[str, ...]) -> _Found:
        found = None if other.name is None or other.name in chain else self._find(other.name, chain)
        if found is None:
            # What the variable holds could be a secret, so it is not quoted.
            raise ConnectionInvalid(
                f"The {other.where} holds neither the connection '{name}' as JSON nor another connection's name."
            )
        return _Found(found.raw, f"{found.where}, by the {other.where}")

    def _resolved(self, name: str, found: _Found) -> Origin:
        description = describe(name, found.raw)
        prefix = _variable_name(name)
        values: dict[str, Any] = {}
        places: dict[str, str] = {}
        given = {key: value for key, value in description.fields.items() if value is not None}
        for key, value in {**description.kind.DEFAULTS, **given}.items():
            place = found.where if key in given else DEFAULT
            variable = f"{prefix}_{_variable_name(key)}"
            if variable in self._environ:
                value, place = self._environ[variable], f"variable {variable}"
            match = _ENV_VALUE.match(value) if isinstance(value, str) else None
            if match is not None:
                value, place = self._variable(name, key, match[1]), f"{place}: ${{env:{match[1]}}}"
            values[key], places[key] = value, place
        if issubclass(description.kind, EntraConnection):
            _check_mode(name, values, places)
        connection = description.make(name, values)
        return Origin(connection, found.where, {key: places.get(key, DEFAULT) for key in connection})

    def _variable(self, name: str, key: str, variable: str) -> str:
        if variable not in self._environ:
            raise ConnectionInvalid(
                f"Connection '{name}': its field '{key}' is taken from the variable {variable}, which is not set."
            )
        return self._environ[variable]


def _check_mode(name: str, values: Mapping[str, Any], places: Mapping[str, str]) -> None:
    """Who asks for a key gets no sign-in, and the other way round. Raises ConnectionInvalid."""
    mode, place = values["auth_mode"], places["auth_mode"]
    if mode not in (KEY, ENTRA):
        raise ConnectionInvalid(f"Connection '{name}': its auth_mode is {KEY} or {ENTRA}, not '{mode}' ({place}).")
    if mode == KEY and place != DEFAULT and not values["api_key"]:
        raise ConnectionInvalid(
            f"Connection '{name}': its auth_mode is {KEY} ({place}), and it has no api_key. Give it one, or "
            f"{ENTRA} for a mode."
        )


class EnvironmentField(NamedTuple):
    """A variable that reads `${connection.field}`."""

    variable: str
    connection: str
    field: str


def fields_in_environment(environ: Mapping[str, str]) -> list[EnvironmentField]:
    """Which variables ask for a field of a connection."""
    matches = ((variable, _FIELD_VALUE.match(text)) for variable, text in environ.items())
    return [EnvironmentField(variable, match[1], match[2]) for variable, match in matches if match]


def resolve_environment(
    environ: MutableMapping[str, str], connections: ConnectionSource, *, declared: Collection[str] = ()
) -> None:
    """Replace every value `${connection.field}` of the environment by that field. A field that the connection does not
    have leaves the text as it is, and so does a connection that does not exist, but for the variables that the flow
    declares: for them it raises ConnectionInvalid."""
    for variable, name, field in fields_in_environment(environ):
        try:
            connection = connections.get(name)
        except ConnectionInvalid as error:
            if variable not in declared:
                continue
            raise ConnectionInvalid(f"The environment variable {variable}: {error.message}") from None
        if field in connection and connection[field] is not None:
            environ[variable] = str(connection[field])


class _Found(NamedTuple):
    """raw: the connection as described there."""

    raw: Mapping[str, Any]
    where: str


class _OtherName(NamedTuple):
    """The connection is another one; None when what is there cannot be a name."""

    name: str | None
    where: str


class _Source(Protocol):
    def find(self, name: str) -> _Found | _OtherName | None: ...

    def tried(self, name: str) -> str:
        """What was looked at, in words."""


@dataclass(frozen=True)
class _Table:
    """Connections by name. unset: told when there is no such table."""

    document: Mapping[str, Mapping[str, Any]]
    where: str
    unset: str = ""

    def find(self, name: str) -> _Found | None:
        return _Found(self.document[name], self.where) if name in self.document else None

    def tried(self, name: str) -> str:
        return self.unset or f"the {self.where} (does not hold it)"


@dataclass(frozen=True)
class _Variables:
    environ: Mapping[str, str]

    def find(self, name: str) -> _Found | _OtherName | None:
        variable = name.replace(" ", "_")
        text = self.environ.get(variable)
        if not text:
            return None
        where = f"variable {variable}"
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text
        if isinstance(value, dict):
            return _Found(value, where)
        match = _AZURE_ML_NAME.match(text.strip())
        other = match[1] if match else value
        usable = isinstance(other, str) and _NAME.fullmatch(other) and not looks_secret("", other)
        return _OtherName(other if usable else None, where)

    def tried(self, name: str) -> str:
        return f"the variable {name.replace(' ', '_')} (not set)"


@dataclass(frozen=True)
class _Workspace:
    environ: Mapping[str, str]

    def find(self, name: str) -> _Found | None:
        text = self.environ.get(WORKSPACE_PREFIX + name)
        if not text:
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            # What the variable holds could be a secret, so it is not quoted.
            raise ConnectionInvalid(f"The variable {WORKSPACE_PREFIX}{name} holds no JSON object.")
        return _Found(value, "workspace")

    def tried(self, name: str) -> str:
        return f"the workspace (gave no connection '{name}')"


@dataclass(frozen=True)
class _Http:
    provider: HttpProvider | None
    variable: str

    def find(self, name: str) -> _Found | None:
        raw = self.provider.find(name) if self.provider else None
        return None if raw is None or self.provider is None else _Found(raw, self.provider.address(name))

    def tried(self, name: str) -> str:
        if self.provider is None:
            return f"a service named by {self.variable} (not set)"
        return f"{self.provider.address(name)} (not found)"


def _variable_name(text: str) -> str:
    return str(text).replace(" ", "_").upper()


def _file(environ: Mapping[str, str], given: Path | None) -> _Table:
    named = environ.get(FILE_VARIABLE) or promptflow_variable(environ, FILE).text
    path = given or (Path(named) if named else None)
    if path is None:
        unset = f"the connections file (none given by --connections, {FILE_VARIABLE} or PROMPTFLOW_{FILE})"
        return _Table({}, "connections file", unset)
    where = f"connections file {path}"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConnectionInvalid(f"The {where} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        # The parser's own message could quote a secret.
        raise ConnectionInvalid(f"The {where} is not valid JSON.") from None
    return _Table(_checked(document, where), where)


def _encoded(environ: Mapping[str, str]) -> _Table:
    variable, text = promptflow_variable(environ, ENCODED)
    where = f"variable {variable}"
    if not text:
        return _Table({}, where, f"the {where} (not set)")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(base64.b64decode(text))) as packed:
            document = json.loads(packed.read(_MAX_BYTES))
    except (ValueError, OSError, EOFError, RecursionError):
        raise ConnectionInvalid(f"The {where} is not base64 of gzipped JSON.") from None
    return _Table(_checked(document, where), where)


def _http(environ: Mapping[str, str]) -> _Http:
    variable, endpoint = promptflow_variable(environ, HTTP)
    if not endpoint:
        return _Http(None, variable)
    # Only here: an HTTP client is a tenth of an idle instance.
    from flowstead_runtime.connections.http_provider import HttpProvider

    return _Http(HttpProvider(endpoint, variable=variable), variable)


def _checked(document: Any, where: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(document, dict) or not all(isinstance(v, dict) for v in document.values()):
        raise ConnectionInvalid(f'The {where} must hold {{"name": {{"type": …, field: …}}}}.')
    return document


def _unreachable(environ: Mapping[str, str]) -> str:
    """What to do when the environment names a place of connections that only promptflow's own tools can open."""
    variable, text = promptflow_variable(environ, "CONNECTION_PROVIDER")
    workspaces = ("PRT_CONFIG_OVERRIDE", "AML_DEPLOYMENT_RESOURCE_ID")
    named = variable if text else next((each for each in workspaces if environ.get(each)), "")
    if not named:
        return ""
    place = "promptflow's local store" if text == "local" else "a workspace of Azure ML"
    return f" {named} names {place}, which cannot be reached from here: give the connection in one of these ways."
