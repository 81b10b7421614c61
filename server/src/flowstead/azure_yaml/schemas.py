"""`$schema`: which kind of resource a file says that it describes."""

from __future__ import annotations

import re

from flowstead.azure_yaml.document import Document

_NAME = re.compile(r"(?P<name>[A-Za-z0-9]+)\.schema\.json")
_KINDS = {
    "managedonlineendpoint": "online-endpoint",
    "kubernetesonlineendpoint": "online-endpoint",
    "onlineendpoint": "online-endpoint",
    "managedonlinedeployment": "online-deployment",
    "kubernetesonlinedeployment": "online-deployment",
    "onlinedeployment": "online-deployment",
    "model": "model",
    "environment": "environment",
    "data": "data",
}
"""Name of a schema file of Azure ML → the command that applies such a file."""
_SPOKEN = {
    "online-endpoint": "an endpoint",
    "online-deployment": "a deployment",
    "model": "a model",
    "environment": "an environment",
    "data": "a data asset",
    "connection": "a connection",
    "flow": "a flow",
}


def check_schema(document: Document, wanted: str) -> None:
    """wanted: the command that reads the file, as in `online-endpoint`. Raises BadArgument when the file names the
    schema of something else. A schema that is not Azure ML's says nothing."""
    entry = document.top.value.get("$schema") if isinstance(document.top.value, dict) else None
    match = _NAME.fullmatch(entry.text.rstrip("#").rpartition("/")[2]) if entry else None
    if entry is None or match is None:
        return
    found = _kind(match["name"].lower())
    if found == wanted:
        return
    what = f"that of {_SPOKEN[found]}" if found else "of no kind of resource that there is here"
    raise entry.wrong(
        f"{match['name']} is not the schema of {_SPOKEN[wanted]}, but {what}.", hint=_hint(document, found, wanted)
    )


def _kind(name: str) -> str:
    if name.endswith("connection"):
        return "connection"
    return "flow" if name == "flow" else _KINDS.get(name, "")


def _hint(document: Document, found: str, wanted: str) -> str:
    if found == "flow":
        return "Deploy a flow by its folder: flowstead deploy FOLDER."
    if found:
        return f"Apply it with: flowstead {found} create --file {document.file or 'FILE'}."
    return f"Name a file that describes {_SPOKEN[wanted]}."
