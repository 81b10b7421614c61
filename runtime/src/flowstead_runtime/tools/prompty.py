"""Prompty: a prompt with the settings of its model in one file, callable with its inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowstead_runtime.connections.sources import ConnectionSource
from flowstead_runtime.connections.types import AzureOpenAIConnection, Connection, OpenAIConnection
from flowstead_runtime.errors import (
    ConnectionInvalid,
    FlowLoadError,
    InputError,
    ProviderFailed,
)
from flowstead_runtime.tools.chat import find_images, parse_chat
from flowstead_runtime.tools.front_matter import read_parts
from flowstead_runtime.tools.multimedia import image_in_text
from flowstead_runtime.tools.template import Template, guard_arguments, unguard
from flowstead_runtime.yaml_file import parse_yaml, plain

TRIES = 10
"""Repetitions of a call that may still succeed; fewer than those of an LLM node, as promptflow has it."""

_REFERENCE = re.compile(r"\$\{(\w+):(.*)\}")
_AZURE, _OPENAI = ("azure_openai", "azure_open_ai"), ("openai", "open_ai")
_MODEL_NAMES = ("azure_deployment", "model")
_AZURE_VARIABLES = {
    "azure_endpoint": "AZURE_OPENAI_ENDPOINT",
    "api_key": "AZURE_OPENAI_API_KEY",
    "api_version": "OPENAI_API_VERSION",
}
_OPENAI_VARIABLES = {
    "base_url": "OPENAI_BASE_URL",
    "api_key": "OPENAI_API_KEY",
    "organization": "OPENAI_ORG_ID",
}


@dataclass(frozen=True)
class Model:
    """configuration: a mapping, or an object with the same names as attributes; name: of the model or deployment."""

    api: str
    configuration: Mapping[str, Any]
    parameters: Mapping[str, Any]
    all_choices: bool

    @property
    def name(self) -> str | None:
        return next((self.configuration[key] for key in _MODEL_NAMES if self.configuration.get(key)), None)


@dataclass(frozen=True)
class Request:
    """One call of the API: arguments for the SDK's `create`."""

    api: str
    arguments: Mapping[str, Any]

    def send(self, client: Any, timeout: float | None) -> Any:
        """What the client gives: the response, or an awaitable of it."""
        client = client if timeout is None else client.with_options(timeout=timeout)
        create = client.completions.create if self.api == "completion" else client.chat.completions.create
        return create(**self.arguments)


@dataclass(frozen=True)
class PromptyFile:
    """A prompty that is read, references resolved. settings: its front matter; inputs: by name their settings, of which
    only `default` matters here; confined: no file outside the prompty's folder is read."""

    path: Path
    settings: Mapping[str, Any]
    model: Model
    template: Template
    source: str
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    confined: bool = False

    @property
    def name(self) -> str:
        return str(self.settings.get("name") or self.path.stem)

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The template's arguments: the given inputs, the defaults, or, when nothing is given, the sample; texts that
        stand for images as images. Raises InputError naming what is missing."""
        values = given or _sample(self)
        missing = [name for name, spec in self.inputs.items() if name not in values and "default" not in spec]
        if missing:
            raise InputError(f"Missing required inputs: {missing}")
        arguments = {name: values.get(name, spec.get("default")) for name, spec in self.inputs.items()}
        return {name: self._with_image(value) for name, value in arguments.items()}

    def _with_image(self, value: Any) -> Any:
        return image_in_text(value, self.path.parent, confined=self.confined) if isinstance(value, str) else value

    def prompt(self, given: Mapping[str, Any]) -> Any:
        """The text, or the messages. Raises InputError, TemplateFailed or ProviderFailed."""
        arguments = self.arguments(given)
        text = self.template.render(guard_arguments(arguments, frozenset(arguments)))
        return unguard(text) if self.model.api == "completion" else parse_chat(text, find_images(arguments))

    def request(self, given: Mapping[str, Any]) -> Request:
        """Raises as `prompt`."""
        call = {**self.model.parameters, "model": self.model.name}
        call["prompt" if self.model.api == "completion" else "messages"] = self.prompt(given)
        for choice, of in (("tool_choice", "tools"), ("function_call", "functions")):
            if of in call and call.get(choice) is None:
                call[choice] = "auto"
        return Request(self.model.api, call)

    @property
    def streams(self) -> bool:
        return bool(self.model.parameters.get("stream"))

    @property
    def wants_object(self) -> bool:
        wanted = self.model.parameters.get("response_format")
        return isinstance(wanted, Mapping) and wanted.get("type") == "json_object"

    def answer(self, response: Any) -> Any:
        """The value of a response that came whole. Raises ProviderFailed."""
        if self.model.all_choices:
            return response
        choice = response.choices[0]
        if self.model.api == "completion":
            return self.value(choice.text)
        if choice.finish_reason in ("tool_calls", "function_calls"):
            return response.model_dump()["choices"][0]["message"]
        return self.value(choice.message.content)

    def value(self, text: Any) -> Any:
        """The text, or the object in it, restricted to the declared outputs. Raises ProviderFailed."""
        if not self.wants_object:
            return text
        try:
            found = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise unexpected(error) from None
        outputs = self.settings.get("outputs")
        if not outputs:
            return found
        missing = next((name for name in outputs if name not in found), None)
        if missing is not None:
            raise ProviderFailed(f"Cannot find {missing} in response {list(found)}", "InvalidOutputKeyError")
        return {name: found[name] for name in outputs}


def load_prompty(
    path: Path, environ: Mapping[str, str], *, overrides: Mapping[str, Any] | None = None, confined: bool = False
) -> PromptyFile:
    """overrides: settings that replace those of the file; confined: files that the settings name must lie beside the
    prompty or below. Raises FlowDefinitionError or FlowLoadError."""
    document, template = read_parts(path)
    resolver = _Resolver(path, environ, confined)
    settings = _merged(resolver.resolve(plain(document)), resolver.resolve(dict(overrides or {})))
    who = f"prompty '{path.stem}'"
    inputs = settings.get("inputs") or {}
    if not isinstance(inputs, Mapping) or not all(isinstance(spec, Mapping) for spec in inputs.values()):
        raise FlowLoadError(f"{who}: each of its 'inputs' must be a mapping with at least a type")
    compiled = Template(template, who=who, path=path.name, images=True)
    read = PromptyFile(path, settings, _model(settings, who), compiled, template, inputs, confined)
    if inputs:
        return read
    return replace(read, inputs={name: {"default": value} for name, value in _sample(read).items()})


def connection_of(model: Model, source: ConnectionSource, environ: Mapping[str, str]) -> Connection:
    """The connection that a model's configuration names or spells out; the one of the environment when it does neither.
    Raises ConnectionInvalid."""
    configuration = model.configuration
    named = configuration.get("connection")
    if named:
        return named if isinstance(named, Connection) else source.get(str(named))
    fields = own_address(model)
    if not fields:
        fields = {field: environ.get(variable) for field, variable in variables_of(model).items()}
    kind = configuration.get("type")
    if kind in _AZURE:
        base = fields.pop("azure_endpoint", None)
        return AzureOpenAIConnection(**{"api_base": base, **fields})
    if kind in _OPENAI:
        return OpenAIConnection(**fields)
    raise ConnectionInvalid(
        f"The model configuration has the unknown type '{kind}'; it is azure_openai or openai, or names a connection."
    )


def own_address(model: Model) -> dict[str, Any]:
    """The address, key and so on that a model's configuration spells out itself."""
    return {k: v for k, v in model.configuration.items() if v and k not in ("type", "connection", *_MODEL_NAMES)}


def variables_of(model: Model) -> Mapping[str, str]:
    """By field, the variables that are read when a configuration says nothing of the address."""
    return _AZURE_VARIABLES if model.configuration.get("type") in _AZURE else _OPENAI_VARIABLES


def unexpected(error: Exception) -> ProviderFailed:
    """For what is neither the provider's refusal nor ours: the SDK dislikes a parameter, an answer is no JSON."""
    return ProviderFailed(f"OpenAI API hits exception: {type(error).__name__}: {error}", "LLMError")


class _Resolver:
    """`${env:NAME}` and `${file:path}` in settings; an unset variable leaves the text as it is."""

    def __init__(self, path: Path, environ: Mapping[str, str], confined: bool) -> None:
        self._path = path
        self._environ = environ
        self._confined = confined

    def resolve(self, value: Any) -> Any:
        if isinstance(value, str):
            match = _REFERENCE.match(value)
            return self._reference(value, match[1], match[2]) if match else value
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        return value

    def _reference(self, written: str, kind: str, target: str) -> Any:
        if kind == "env":
            return self._environ.get(target, written)
        return self._file(target) if kind == "file" else written

    def _file(self, written: str) -> Any:
        folder = self._path.parent
        path = folder / written
        if self._confined and not path.resolve().is_relative_to(folder.resolve()):
            raise FlowLoadError(f"{self._path.name}: the file '{written}' lies outside the flow folder")
        try:
            text = path.read_text(encoding="utf-8")
            if path.suffix.lower() == ".json":
                return json.loads(text)
            is_yaml = path.suffix.lower() in (".yml", ".yaml")
            return plain(parse_yaml(text, shown=written)) if is_yaml else text
        except OSError as error:
            problem = f"the file '{written}' cannot be read: {error.strerror}"
        except ValueError as error:
            problem = f"the file '{written}': {error}"
        raise FlowLoadError(f"{self._path.name}: {problem}")


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `under`, mappings inside them merged as well."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below if isinstance(below, Mapping) else {}, value) if isinstance(value, dict) else value
    return merged


def _model(settings: Mapping[str, Any], who: str) -> Model:
    model = settings.get("model")
    if not isinstance(model, Mapping) or not model.get("configuration"):
        raise FlowLoadError(f"{who}: its settings need 'model' with a 'configuration'")
    configuration = model["configuration"]
    if not isinstance(configuration, Mapping):
        # An object of flow code: promptflow's model configurations and whatever looks like one.
        kind = _AZURE[0] if hasattr(configuration, "azure_deployment") else _OPENAI[0]
        configuration = {"type": kind, **{key: value for key, value in vars(configuration).items() if key[0] != "_"}}
    others = set(configuration) - {"type", "connection", *_MODEL_NAMES}
    if configuration.get("connection") and any(configuration[key] for key in others):
        raise FlowLoadError(f"{who}: its configuration names a connection or the address and key themselves, not both")
    api = model.get("api") or "chat"
    parameters = model.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise FlowLoadError(f"{who}: the model's 'parameters' must be a mapping")
    return Model(str(api), configuration, parameters, model.get("response") == "all")


def _sample(prompty: PromptyFile) -> Mapping[str, Any]:
    sample = prompty.settings.get("sample")
    if isinstance(sample, str) and sample.endswith(".json"):
        try:
            sample = json.loads((prompty.path.parent / sample.removeprefix("file:")).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise InputError(f"The sample file {sample} cannot be read.") from None
    return sample if isinstance(sample, Mapping) else {}
