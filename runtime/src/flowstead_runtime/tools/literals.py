"""Literal inputs of a node, turned once, at start, into what the tool's parameters are annotated with."""

from __future__ import annotations

import contextlib
import enum
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from flowstead_runtime.connections.description import STRONG_TYPE
from flowstead_runtime.connections.sources import ConnectionSource
from flowstead_runtime.connections.types import Connection, CustomConnection, CustomStrongTypeConnection, type_named
from flowstead_runtime.errors import FlowLoadError, InputError
from flowstead_runtime.tools.multimedia import Image, ImageRules, load_image, load_nested


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The named parameters, annotations resolved as far as they can be; `self`, *args and **kwargs left out."""
    hints = _hints(function)
    return {
        name: parameter.replace(annotation=hints.get(name, parameter.annotation))
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) and name != "self"
    }


def convert_literals(
    values: Mapping[str, Any],
    parameters: Mapping[str, inspect.Parameter],
    *,
    node: str,
    connections: ConnectionSource,
    images: ImageRules,
) -> dict[str, Any]:
    """The values by name, converted; those without a parameter are kept as they are. Raises FlowLoadError
    naming the node, the input and the type, or ConnectionInvalid."""
    converted = {}
    for name, value in values.items():
        parameter = parameters.get(name)
        if parameter is None:
            converted[name] = value
            continue
        wanted = _annotated_type(parameter)
        kinds = [option for option in options_of(parameter.annotation) if is_connection(option)]
        try:
            if kinds:
                converted[name] = _connection_of_one(value, kinds, connections)
            else:
                converted[name] = _convert(value, wanted, images)
        except (ValueError, TypeError, InputError) as error:
            raise FlowLoadError(
                f"node '{node}': the input '{name}' with the value {value!r} is not of the type "
                f"{getattr(wanted, '__name__', wanted)}: {error}"
            ) from None
    return converted


def is_connection(annotation: Any) -> bool:
    """Whether a parameter wants a connection: one of our types, promptflow's of the same name, or a user's own."""
    return isinstance(annotation, type) and (
        issubclass(annotation, Connection)
        or (annotation.__name__.endswith("Connection") and type_named(annotation.__name__) is not None)
        or _is_strong_type(annotation)
    )


def options_of(annotation: Any) -> list[Any]:
    """The types of a union, None left out; the annotation itself when it is no union."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return [annotation]
    return [option for option in typing.get_args(annotation) if option is not type(None)]


def connection_as(name: Any, wanted: type, connections: ConnectionSource) -> Any:
    """The connection of that name as the type that a parameter wants, as it is when it is of another type: promptflow
    leaves it to a flex flow's code what to say of that. Raises ConnectionInvalid."""
    try:
        return _connection(name, wanted, connections)
    except TypeError:
        return connections.get(str(name))


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # an annotation may name anything, also what exists for type checkers only
        return {}


def _annotated_type(parameter: inspect.Parameter) -> Any:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        default = parameter.default
        return Any if default is inspect.Parameter.empty or default is None else type(default)
    options = options_of(annotation)
    annotation = next((o for o in options if is_connection(o)), options[0])
    return typing.get_origin(annotation) or annotation


def _connection_of_one(value: Any, kinds: list[type], connections: ConnectionSource) -> Any:
    """The connection as the first of those types that fits, users' own types before the others and the one that the
    connection itself names before all. Raises ConnectionInvalid, or TypeError when none does."""
    if len(kinds) > 1 and isinstance(value, str):
        named = connections.get(value).get(STRONG_TYPE)
        kinds = sorted(kinds, key=lambda kind: (kind.__name__ != named, not _is_strong_type(kind)))
    for kind in kinds[:-1]:
        with contextlib.suppress(TypeError):
            return _connection(value, kind, connections)
    return _connection(value, kinds[-1], connections)


def _convert(value: Any, wanted: Any, images: ImageRules) -> Any:
    if wanted is bool:
        return _bool(value)
    if wanted in (int, float):
        return wanted(value)
    if wanted in (list, dict):
        return load_nested(_container(value, wanted), images)
    if isinstance(wanted, type) and wanted.__name__ == Image.__name__:
        return load_image(value, images)
    if wanted is str:
        return str(value)
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum | str):
        return value
    return load_nested(_any(value), images)


def _connection(value: Any, wanted: type, connections: ConnectionSource) -> Any:
    if isinstance(value, Connection):
        return value
    connection = connections.get(str(value))
    kind = type_named(wanted.__name__)
    if kind is not None and type(connection) is not kind:
        raise TypeError(f"the connection '{value}' is of type {connection.class_name}")
    if wanted is Connection or wanted is kind:
        return connection
    if _is_strong_type(wanted) and not isinstance(connection, CustomConnection):
        raise TypeError(f"the connection '{value}' is of type {connection.class_name}, not a custom one")
    if issubclass(wanted, CustomStrongTypeConnection):
        return wanted.of(connection)
    return _foreign(connection, wanted)


def _is_strong_type(kind: type) -> bool:
    return any(base.__name__ == CustomStrongTypeConnection.__name__ for base in kind.__mro__)


def _foreign(connection: Connection, make: Callable[..., Any]) -> Any:
    """The connection as a class of the real promptflow package, when that is installed."""
    taken = inspect.signature(make).parameters
    if "secrets" in taken:
        return make(configs=dict(connection.configs), secrets=dict(connection.secrets), name=connection.name)
    fields = {key: value for key, value in connection.items() if key in taken and value is not None}
    return make(**fields, name=connection.name)


def _bool(value: Any) -> bool:
    text = str(value).lower()
    if text not in ("true", "false"):
        raise ValueError("true or false is expected")
    return text == "true"


def _container(value: Any, wanted: Any) -> Any:
    parsed = json.loads(value) if isinstance(value, str) else value
    if not isinstance(parsed, wanted):
        raise TypeError(f"it is a {type(parsed).__name__}")
    return parsed


def _any(value: Any) -> Any:
    """A text that is JSON is taken as that, as promptflow does for parameters of no particular type."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
