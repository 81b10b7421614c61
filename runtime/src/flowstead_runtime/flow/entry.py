"""The entry of a flex flow: imported, constructed when it is a class, and its signature read."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from flowstead_runtime import tracing
from flowstead_runtime.connections.sources import ConnectionSource
from flowstead_runtime.errors import ConnectionInvalid, FlowDefinitionError, FlowLoadError
from flowstead_runtime.flow.definition import FlexPart, FlowDefinition, FlowInput, FlowOutput, ValueType
from flowstead_runtime.promptflow_api.model_configuration import (
    AzureOpenAIModelConfiguration,
    OpenAIModelConfiguration,
    with_connection,
)
from flowstead_runtime.tools.imports import import_entry, load_failure
from flowstead_runtime.tools.literals import connection_as, is_connection, options_of, parameters_of
from flowstead_runtime.tools.multimedia import Image
from flowstead_runtime.tools.resolved import Mode, mode_of
from flowstead_runtime.tools.values import FilePath, PromptTemplate, Secret

INIT_VARIABLE = "PF_FLOW_INIT_CONFIG"
"""JSON: the arguments of a class's constructor."""

MODEL_CONFIGURATIONS = (AzureOpenAIModelConfiguration, OpenAIModelConfiguration)
_TYPES: Mapping[Any, ValueType] = {
    int: ValueType.INT,
    float: ValueType.DOUBLE,
    bool: ValueType.BOOL,
    str: ValueType.STRING,
    Secret: ValueType.STRING,
    PromptTemplate: ValueType.STRING,
    FilePath: ValueType.STRING,
    list: ValueType.LIST,
    Image: ValueType.IMAGE,
    dict: ValueType.OBJECT,
    inspect.Parameter.empty: ValueType.OBJECT,
}


@dataclass(frozen=True)
class Entry:
    """call: takes the flow's inputs by name. definition: with the inputs and outputs of the entry's signature."""

    call: Callable[..., Any]
    mode: Mode
    qualname: str
    definition: FlowDefinition


def open_entry(definition: FlowDefinition, part: FlexPart, init: Mapping[str, Any], source: ConnectionSource) -> Entry:
    """init: what was given for the constructor. Raises FlowLoadError, or ConnectionInvalid."""
    who = f"entry '{definition.entry}'"
    target = _target(definition, who)
    function: Callable[..., Any] = target.__call__ if isinstance(target, type) else target
    read = _with_signature(definition, part, function, who)
    call = tracing.original(function)  # the flow's span is the entry's
    if isinstance(target, type):
        call = _construct(target, init_values(part, init), source, who=who, definition=definition).__call__
        call = tracing.original(call)
    return Entry(call, mode_of(call), function.__qualname__, read)


def connections_of_entry(definition: FlowDefinition, values: Mapping[str, Any]) -> list[str]:
    """The connections that arguments of the entry's constructor name. Imports the entry's module and constructs
    nothing. Raises FlowLoadError."""
    target = _target(definition, f"entry '{definition.entry}'")
    if not isinstance(target, type):
        return []
    parameters = parameters_of(target.__init__)  # type: ignore[misc]
    names = []
    for name, value in values.items():
        options = options_of(parameters[name].annotation) if name in parameters else []
        if any(is_connection(option) for option in options):
            names.append(str(value))
        elif _model_configuration(options) is not None and isinstance(value, Mapping) and value.get("connection"):
            names.append(str(value["connection"]))
    return names


def given_init(text: str | None) -> dict[str, Any]:
    """The arguments in PF_FLOW_INIT_CONFIG. Raises FlowDefinitionError when it holds no JSON object."""
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if value is not None and not isinstance(value, dict):
        raise FlowDefinitionError(
            f'{INIT_VARIABLE} must hold a JSON object with the arguments of the constructor, such as {{"top": 3}}'
        )
    return value or {}


def _target(definition: FlowDefinition, who: str) -> type | FunctionType:
    """What the entry names. Imports its module."""
    module_name, name = definition.entry.split(":")
    target = getattr(import_entry(module_name, who=who, directory=definition.directory.resolve()), name, None)
    is_callable_class = isinstance(target, type) and any("__call__" in vars(base) for base in target.__mro__)
    if isinstance(target, FunctionType) or (isinstance(target, type) and is_callable_class):
        return target
    raise FlowLoadError(f"{who}: {module_name} has no function or callable class '{name}'")


def init_values(part: FlexPart, init: Mapping[str, Any]) -> dict[str, Any]:
    """The constructor's arguments: what was given, else the sample; the YAML's defaults, empty ones left out, for what
    is absent."""
    defaults = {name: value for name, value in part.init.items() if value is not None and value != ""}
    return {**defaults, **(init or part.sample_init)}


def _construct(
    kind: type, values: Mapping[str, Any], source: ConnectionSource, *, who: str, definition: FlowDefinition
) -> Any:
    parameters = parameters_of(kind.__init__)  # type: ignore[misc]
    for name, parameter in parameters.items():
        _check_type(parameter.annotation, f"{who}: the parameter '{name}' of its constructor", for_init=True)
    try:
        arguments = {name: _init_value(value, parameters.get(name), source) for name, value in values.items()}
        return kind(**arguments)
    except (ConnectionInvalid, FlowLoadError) as error:
        raise type(error)(f"{who}: {error.message}") from None
    except Exception as error:
        raise load_failure(error, who=f"{who} with init {sorted(values)}", directory=definition.directory) from error


def _init_value(value: Any, parameter: inspect.Parameter | None, source: ConnectionSource) -> Any:
    """A connection for its name, a model configuration for its fields, where the parameter is annotated so."""
    options = options_of(parameter.annotation) if parameter is not None else []
    if len(options) != 1:
        return value
    wanted = options[0]
    if is_connection(wanted):
        return connection_as(value, wanted, source)
    kind = _model_configuration(options)
    if kind is None:
        return value
    if not isinstance(value, Mapping):
        raise FlowLoadError(f"a {kind.__name__} is expected as a mapping, not {type(value).__name__}")
    made = wanted(**value)
    return with_connection(made, source) if made.connection else made


def _model_configuration(options: list[Any]) -> type | None:
    """Ours, whose name the only one of those types has."""
    name = getattr(options[0], "__name__", "") if len(options) == 1 else ""
    return next((kind for kind in MODEL_CONFIGURATIONS if name == kind.__name__), None)


def _with_signature(
    definition: FlowDefinition, part: FlexPart, function: Callable[..., Any], who: str
) -> FlowDefinition:
    """The definition with the signature's inputs and outputs where it has any."""
    inputs = {
        name: FlowInput(
            type=_input_type(name, parameter, who),
            default=None if parameter.default is inspect.Parameter.empty else _as_text(parameter.default),
        )
        for name, parameter in parameters_of(function).items()
    }
    outputs = _outputs(function, who)
    return dataclasses.replace(
        definition,
        inputs=inputs or part.declared,
        outputs=outputs or definition.outputs,
        flex=dataclasses.replace(part, qualname=function.__qualname__),
    )


def _input_type(name: str, parameter: inspect.Parameter, who: str) -> ValueType:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        default = parameter.default
        if isinstance(default, enum.Enum):
            return ValueType.STRING
        return _TYPES.get(type(default), ValueType.OBJECT)
    return _check_type(annotation, f"{who}: the input '{name}'")


def _check_type(annotation: Any, what: str, *, for_init: bool = False) -> ValueType:
    """The type of a port. Raises FlowLoadError for one that cannot be given as JSON."""
    options = options_of(annotation)
    if len(options) == 1 and isinstance(options[0], type) and issubclass(options[0], enum.Enum):
        return ValueType.STRING
    for option in options:
        name = getattr(option, "__name__", "")
        if for_init and (is_connection(option) or name in {kind.__name__ for kind in MODEL_CONFIGURATIONS}):
            continue
        if isinstance(option, str) or (option in _TYPES if len(options) == 1 else option is dict):
            continue
        raise FlowLoadError(f"{what} is of a complex Python type ({annotation}). Please use a dict instead.")
    return _TYPES.get(options[0], ValueType.OBJECT) if len(options) == 1 else ValueType.OBJECT


def _outputs(function: Callable[..., Any], who: str) -> dict[str, FlowOutput]:
    """The fields of a dataclass or TypedDict; nothing for a bare value. Raises FlowLoadError for another annotation:
    nothing could be said of such an answer in the flow's description."""
    try:
        annotation = typing.get_type_hints(function).get("return", inspect.Signature.empty)
    except Exception:  # an annotation may name anything, also what exists for type checkers only
        return {}
    options = options_of(annotation)
    kind = options[0] if len(options) == 1 else annotation
    if dataclasses.is_dataclass(kind) or (typing.is_typeddict(kind)):
        hints = typing.get_type_hints(kind)
        return {name: FlowOutput(_check_type(hint, f"{who}: the output '{name}'")) for name, hint in hints.items()}
    if kind is str or kind is inspect.Signature.empty:
        return {}
    raise FlowLoadError(
        f"{who}: the return annotation must be a dataclass, a TypedDict or str, but it is {annotation}. Describe the "
        "outputs by one of these, or leave the annotation away."
    )


def _as_text(default: Any) -> Any:
    """Defaults of a signature appear as text in the flow's description; None as the empty text, which is a default."""
    if default is None:
        return ""
    return default.value if isinstance(default, enum.Enum) else str(default)
