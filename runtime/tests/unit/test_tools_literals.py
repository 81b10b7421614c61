"""Literals against the parameters of tools."""

from __future__ import annotations

import enum
import inspect
from pathlib import Path
from typing import Any, Optional, Union

import pytest

from flowstead_runtime.connections.types import (
    AzureOpenAIConnection,
    Connection,
    CustomConnection,
    CustomStrongTypeConnection,
    OpenAIConnection,
)
from flowstead_runtime.errors import ConnectionInvalid, FlowLoadError
from flowstead_runtime.tools.literals import convert_literals, parameters_of
from flowstead_runtime.tools.multimedia import BASIC, Image, ImageRules
from flowstead_runtime.tools.values import FilePath, Secret


class Colour(str, enum.Enum):  # noqa: UP042 - what flow authors write
    RED = "red"


class Mine(CustomStrongTypeConnection):
    base: str
    key: Secret


class Other(CustomStrongTypeConnection):
    key: Secret


class Source:
    known: dict[str, Connection] = {  # noqa: RUF012
        "azure": AzureOpenAIConnection(name="azure", api_key="k"),
        "custom": CustomConnection(configs={"base": "b"}, secrets={"key": "k"}, name="custom"),
        "named": CustomConnection(configs={"promptflow.connection.custom_type": "Other"}, name="named"),
    }

    def get(self, name: str) -> Connection:
        if name not in self.known:
            raise ConnectionInvalid(f"Connection '{name}' is not configured.")
        return self.known[name]


def convert(annotation: Any, value: Any, default: Any = inspect.Parameter.empty) -> Any:
    parameter = inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=annotation, default=default)
    return converted({"x": value}, {"x": parameter})["x"]


def converted(values: dict[str, Any], parameters: dict[str, inspect.Parameter]) -> dict[str, Any]:
    images = ImageRules(BASIC, Path(), confined=True)
    return convert_literals(values, parameters, node="n", connections=Source(), images=images)


EMPTY = inspect.Parameter.empty


@pytest.mark.parametrize(
    ("annotation", "value", "wanted"),
    [
        (int, "7", 7), (float, "1.5", 1.5), (float, 2, 2.0), (bool, "true", True), (bool, "False", False),
        (bool, True, True), (str, 5, "5"), (list, "[1]", [1]), (list, [1], [1]), (dict, '{"a": 1}', {"a": 1}),
        (list[int], "[1]", [1]), (dict[str, int], "{}", {}), (Optional[int], "7", 7), (int | None, "7", 7),  # noqa: UP045
        (Union[str, dict], "x", "x"),  # noqa: UP007
        (EMPTY, "x", "x"), (EMPTY, "[1]", [1]), (EMPTY, "3", 3), (Any, "{}", {}), (object, 5, 5),
        (Colour, "red", "red"), (FilePath, "a.txt", "a.txt"), (Secret, "s", "s"),
    ],
)  # fmt: skip
def test_literals_follow_the_annotation(annotation: Any, value: Any, wanted: Any) -> None:
    converted = convert(annotation, value)
    assert (type(converted), converted) == (type(wanted), wanted)


def test_without_an_annotation_the_default_tells_the_type() -> None:
    assert convert(EMPTY, "7", default=3) == 7
    assert convert(EMPTY, "7", default="x") == "7"
    assert convert(EMPTY, "7", default=None) == 7


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        (int, "seven", "of the type int"),
        (bool, "no", "of the type bool: true or false is expected"),
        (list, '{"a": 1}', "of the type list: it is a dict"),
        (dict, "nope", "of the type dict"),
        (Image, "/etc/passwd", "of the type Image"),
        (OpenAIConnection, "azure", "of type AzureOpenAIConnection"),
    ],
)
def test_a_literal_that_does_not_fit_names_node_and_input(annotation: Any, value: Any, words: str) -> None:
    with pytest.raises(FlowLoadError, match=f"node 'n': the input 'x' .*{words}"):
        convert(annotation, value)


def test_connections_are_looked_up_by_name() -> None:
    assert convert(AzureOpenAIConnection, "azure") is Source.known["azure"]
    assert convert(Union[AzureOpenAIConnection, OpenAIConnection], "azure") is Source.known["azure"]  # noqa: UP007
    assert convert(CustomConnection, "custom") is Source.known["custom"]
    assert convert(Connection, "azure") is Source.known["azure"]
    with pytest.raises(ConnectionInvalid, match="'nope'"):
        convert(AzureOpenAIConnection, "nope")


@pytest.mark.parametrize(
    "union",
    [
        Union[OpenAIConnection, AzureOpenAIConnection],  # noqa: UP007
        OpenAIConnection | AzureOpenAIConnection,
    ],
)
def test_any_connection_type_of_a_union_will_do(union: Any) -> None:
    assert convert(union, "azure") is Source.known["azure"]
    with pytest.raises(FlowLoadError, match="of type CustomConnection"):
        convert(union, "custom")


def test_a_users_own_connection_class_is_made_of_a_custom_one() -> None:
    mine = convert(Mine, "custom")
    assert isinstance(mine, Mine)
    assert (mine.base, mine.key) == ("b", "k")
    with pytest.raises(FlowLoadError, match="of type AzureOpenAIConnection, not a custom one"):
        convert(Mine, "azure")


def test_a_users_own_class_goes_before_other_types_of_a_union() -> None:
    assert isinstance(convert(Union[CustomConnection, Mine], "custom"), Mine)  # noqa: UP007
    assert isinstance(convert(Mine | Other, "custom"), Mine)
    assert isinstance(convert(Mine | Other, "named"), Other)
    assert convert(AzureOpenAIConnection | Mine, "azure") is Source.known["azure"]


def test_classes_of_the_real_promptflow_package_are_made_of_ours() -> None:
    class AzureOpenAIConnection:
        def __init__(self, api_key: str, api_base: str = "", name: str = "", **kwargs: Any) -> None:
            self.seen = (api_key, api_base, name)

    class CustomConnection:
        def __init__(self, secrets: dict[str, str], configs: dict[str, str], **kwargs: Any) -> None:
            self.seen = (secrets, configs, kwargs["name"])

    assert convert(AzureOpenAIConnection, "azure").seen == ("k", "", "azure")
    assert convert(CustomConnection, "custom").seen == ({"key": "k"}, {"base": "b"}, "custom")


def test_inputs_without_a_parameter_are_kept() -> None:
    assert converted({"y": "[1]"}, {}) == {"y": "[1]"}


def test_parameters_leave_out_self_and_collectors() -> None:
    def function(self: Any, a: int, *args: Any, b: str = "x", **kwargs: Any) -> None: ...

    parameters = parameters_of(function)
    assert list(parameters) == ["a", "b"]
    assert parameters["a"].annotation is int, "annotations given as text are resolved"


def test_an_annotation_that_cannot_be_resolved_is_no_obstacle() -> None:
    def function(a: "Nowhere") -> None: ...  # type: ignore[name-defined] # noqa: F821, UP037

    assert list(parameters_of(function)) == ["a"]


def test_images_among_literals_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    rules = ImageRules(BASIC, tmp_path, confined=True)
    picture = {"data:image/png;path": "a.png"}

    def tool(one: Image, many: list, free) -> None:  # type: ignore[no-untyped-def,type-arg]
        """As authors write them."""

    values = {"one": "a.png", "many": [picture], "free": {"k": picture}}
    made = convert_literals(values, parameters_of(tool), node="n", connections=Source(), images=rules)
    assert all(isinstance(i, Image) for i in (made["one"], made["many"][0], made["free"]["k"]))
