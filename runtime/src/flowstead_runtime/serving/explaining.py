"""`serve FLOW --explain`: which connections the flow uses and where each comes from, without secrets."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.connections.sources import Connections, Origin
from flowstead_runtime.connections.types import (
    AzureOpenAIConnection,
    Connection,
    EntraConnection,
    OpenAIConnection,
    ServerlessConnection,
)
from flowstead_runtime.errors import ConnectionInvalid
from flowstead_runtime.flow.connections_used import ConnectionsUsed, VariableUse, connections_used
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.secret_values import looks_secret
from flowstead_runtime.serving.starting import explain

_LATER = "What the flow's code asks for by itself while it runs cannot be known before."


def explain_connections(path: Path, file: Path | None, init: Mapping[str, Any]) -> tuple[str, bool]:
    """The text to print, and whether all is there that the flow needs. file, init: as for `load_flow`. Works in the
    flow's folder from here on. Raises StartFailure when the flow or a source of connections cannot be read."""
    path = path.absolute()
    try:
        connections = Connections(os.environ, file=file.absolute() if file else None)
        definition = read_definition(path)
        os.chdir(path if path.is_dir() else path.parent)
        # What the flow's code prints while it is imported is no part of the answer.
        with contextlib.redirect_stdout(sys.stderr):
            used = connections_used(definition, connections, os.environ, init)
    except Exception as problem:
        raise explain(path, problem) from problem
    SECRETS.learn_environment(os.environ)
    report = _Report(connections)
    report.write(path, used)
    return SECRETS.hide("\n".join(report.lines)), report.complete


class _Report:
    """lines: what is to be said; complete: nothing that the flow needs is missing."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.lines: list[str] = []
        self.complete = True

    def write(self, path: Path, used: ConnectionsUsed) -> None:
        self.lines.append(f"Connections of {path}")
        if not used.nodes:
            self.lines += ["", "None is named by its nodes or settings."]
        self.lines += [f"  {each}" for each in used.unnamed]
        for name, askers in used.nodes.items():
            self._connection(name, ", ".join(askers))
        if used.variables:
            self.lines += ["", "Variables that read a field of a connection"]
            for use in used.variables:
                self._variable(use)
        if used.unknown:
            self.complete = False
            self.lines += ["", "Not known"]
            self.lines += [f"  {line}" for problem in used.unknown for line in problem.splitlines()]
        imported = ", ".join(used.imported)
        told = f"Imported to find out, but not called: {imported}." if imported else "None of the flow's code was run."
        self.lines += ["", told, _LATER]

    def _connection(self, name: str, askers: str) -> None:
        try:
            origin = self._connections.origin(name)
        except ConnectionInvalid as problem:
            self.complete = False
            self.lines += ["", f"{name}  MISSING OR WRONG  ({askers})", f"  {problem.message}"]
            return
        connection = origin.connection
        self.lines += ["", f"{name}  {connection.class_name}  ({askers})", f"  from  {origin.where}"]
        self.lines += _fields(origin)
        self.lines += [f"  {note}" for note in _credential(connection)]

    def _variable(self, use: VariableUse) -> None:
        text = f"  {use.variable}  ${{{use.connection}.{use.field}}}"
        try:
            origin = self._connections.origin(use.connection)
        except ConnectionInvalid as problem:
            if use.declared:
                self.complete = False
                self.lines += [f"{text}  MISSING OR WRONG", f"    {problem.message}"]
            else:
                self.lines.append(f"{text}  left as it is: there is no such connection, and the flow does not ask")
            return
        if origin.connection.get(use.field) is None:
            self.lines.append(f"{text}  left as it is: {use.connection} has no such field, or none that is set")
        else:
            self.lines.append(f"{text}  {origin.fields[use.field]}")


def _credential(connection: Connection) -> list[str]:
    """What is used where the connection holds no key."""
    if isinstance(connection, EntraConnection) and connection.signs_in:
        return ["signs in with Entra ID at its first request; a key would not be used"]
    if connection.get("api_key"):
        return []
    if isinstance(connection, AzureOpenAIConnection):
        return ["has no key, so it signs in with Entra ID at its first request"]
    if isinstance(connection, OpenAIConnection | ServerlessConnection):
        return ["has no key, so that in the variable OPENAI_API_KEY is used, where there is one"]
    return []


def _fields(origin: Origin) -> list[str]:
    shown = {key: _shown(origin.connection, key) for key in origin.connection}
    key_width = max(map(len, shown), default=0)
    value_width = max(map(len, shown.values()), default=0)
    return [f"  {key:<{key_width}}  {text:<{value_width}}  {origin.fields[key]}" for key, text in shown.items()]


def _shown(connection: Connection, key: str) -> str:
    value = connection[key]
    if value is None or value == "":
        return "not set"
    text = str(value)
    return "set" if connection.is_secret(key) or looks_secret(key, text) else text
