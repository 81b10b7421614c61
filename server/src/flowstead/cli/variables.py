"""A deployment's environment variables: those of --env, and its connections as Azure ML hands them over."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowstead.cli.connection_overrides import overrides_in
from flowstead.errors import BadArgument
from flowstead.resources.named_file import read_named

INCLUDED_OUTPUTS = "PROMPTFLOW_RESPONSE_INCLUDED_FIELDS"
"""promptflow's variable: a JSON list of the outputs that are in the response."""
MODULE = "promptflow.connections"
_MAX_BYTES = 1024 * 1024
_ABOUT = ("type", "name", "module", "secret_keys", "$schema", "custom_type", "package", "package_version")
_OF_STRONG_TYPE = ("custom_type", "module", "package", "package_version")
"""What promptflow keeps of a user's own class, among the configs and with this prefix."""
_STRONG_PREFIX = "promptflow.connection."
_CONNECTION_TYPES = {
    "azureopenai": "AzureOpenAIConnection",
    "openai": "OpenAIConnection",
    "serverless": "ServerlessConnection",
    "serp": "SerpConnection",
    "cognitivesearch": "CognitiveSearchConnection",
    "azureaiservices": "AzureAIServicesConnection",
    "aiservices": "AzureAIServicesConnection",
    "azurecontentsafety": "AzureContentSafetyConnection",
    "formrecognizer": "FormRecognizerConnection",
    "qdrant": "QdrantConnection",
    "weaviate": "WeaviateConnection",
    "custom": "CustomConnection",
    "customkeys": "CustomConnection",
}
"""Spelling without `_`, `-` and `connection` → the name of promptflow's class."""
_SHORT = (
    "azure_open_ai, open_ai, serverless, serp, cognitive_search, azure_ai_services, azure_content_safety, "
    "form_recognizer, qdrant, weaviate, custom"
)


def variables_from(written: Sequence[str] | None, shell: Mapping[str, str]) -> dict[str, str]:
    """`NAME=VALUE` as it is; `NAME` alone takes the shell's value, as docker does. Raises BadArgument."""
    found: dict[str, str] = {}
    for each in written or ():
        name, equals, value = each.partition("=")
        if not name.strip():
            raise BadArgument("--env: there is no name before the `=`.", hint="Write --env NAME=VALUE, or --env NAME.")
        if not equals and name not in shell:
            raise BadArgument(
                f"--env {name}: your shell has no such variable.", hint=f"Export {name}, or write --env {name}=VALUE."
            )
        found[name] = value if equals else shell[name]
    return found


def choice_variables(outputs: Sequence[str] | None, overrides: Sequence[str] | None) -> dict[str, str]:
    """The variables by which a deployment chooses of its flow, as in Azure. outputs: names, several with commas
    between; overrides: `FLOW_CONNECTION=WORKSPACE_CONNECTION`. Raises BadArgument."""
    found: dict[str, str] = {}
    names = [name.strip() for each in outputs or () for name in each.split(",") if name.strip()]
    if names:
        found[INCLUDED_OUTPUTS] = json.dumps(names, ensure_ascii=False)
    return found | {name.replace(" ", "_"): connection for name, connection in overrides_in(overrides).items()}


def connection_variables(file: Path | None) -> dict[str, str]:
    """A connections file as variables: one named like each connection (blanks as `_`), holding its JSON.

    Raises BadArgument, which repeats no value of the file."""
    if file is None:
        return {}
    try:
        content = read_named(file, _MAX_BYTES, option="--connections", hint="Name a connections file.")
        document = json.loads(content.decode())
    except json.JSONDecodeError as failure:
        # The parser's text would quote what stands there, which may be a secret.
        raise BadArgument(f"{file}:{failure.lineno}: not valid JSON.", hint=_FORM) from None
    except UnicodeDecodeError:
        raise BadArgument(f"{file} is not UTF-8 text.", hint=_FORM) from None
    if not isinstance(document, dict) or not all(isinstance(each, dict) for each in document.values()):
        raise BadArgument(f"{file}: an object of connections is expected.", hint=_FORM)
    return {
        name.replace(" ", "_"): json.dumps(_connection(name, each, file), ensure_ascii=False)
        for name, each in document.items()
    }


_FORM = 'Write {"NAME": {"type": "open_ai", "api_key": "…"}}.'


def _connection(name: str, written: Mapping[str, Any], file: Path) -> dict[str, Any]:
    if isinstance(written.get("properties"), dict):
        return dict(written)  # as Azure ML's REST API says it, which the runtime reads
    kind = str(written.get("type", ""))
    known = _CONNECTION_TYPES.get(kind.lower().replace("_", "").replace("-", "").removesuffix("connection"))
    if known is None:
        raise BadArgument(f"{file}: the connection {name!r} has the type {kind!r}.", hint=f"Types are {_SHORT}.")
    nested = written.get("value")
    fields = dict(nested) if isinstance(nested, dict) else {k: v for k, v in written.items() if k not in _ABOUT}
    secret_keys = {str(key) for key in written.get("secret_keys") or ()}
    for part in ("configs", "secrets"):
        inner = fields.pop(part, None) if known == "CustomConnection" else None
        if isinstance(inner, dict):
            fields |= inner
            secret_keys |= set(inner) if part == "secrets" else set()
    if known == "CustomConnection" and written.get("custom_type"):
        fields |= {f"{_STRONG_PREFIX}{key}": written[key] for key in _OF_STRONG_TYPE if written.get(key)}
    if known != "CustomConnection":
        secret_keys |= {"api_key"} & set(fields)
    return {"type": known, "module": MODULE, "value": fields, "secret_keys": sorted(secret_keys)}
