"""Inputs: the conversion table and its messages."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.errors import InputError, InternalFailure
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowKind, MessageFormat, ValueType
from flowstead_runtime.flow.inputs import convert_inputs
from flowstead_runtime.tools.multimedia import Image, RemoteImage, Text, dump_nested, put_in_place

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
REQUIRED = object()


def flow(message_format: MessageFormat = MessageFormat.BASIC, **inputs: FlowInput) -> FlowDefinition:
    return flow_in(Path("/flow"), message_format, inputs)


def flow_in(
    here: Path, message_format: MessageFormat, inputs: Mapping[str, FlowInput], *, confined: bool = True
) -> FlowDefinition:
    return FlowDefinition(
        "flow",
        FlowKind.DAG,
        here,
        here / "flow.dag.yaml",
        inputs=inputs,
        message_format=message_format,
        confined=confined,
    )


def convert(kind: ValueType, value: Any) -> Any:
    return convert_inputs(flow(x=FlowInput(kind)), {"x": value})["x"]


@pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [
        (ValueType.INT, "7", 7), (ValueType.INT, 1.5, 1), (ValueType.INT, True, 1),
        (ValueType.DOUBLE, "2.5", 2.5), (ValueType.DOUBLE, 4, 4.0), (ValueType.DOUBLE, True, 1.0),
        (ValueType.BOOL, True, True), (ValueType.BOOL, "true", True), (ValueType.BOOL, "False", False),
        (ValueType.STRING, 123, "123"), (ValueType.STRING, None, "None"), (ValueType.STRING, {"a": 1}, "{'a': 1}"),
        (ValueType.LIST, [1], [1]), (ValueType.LIST, '["j", 1]', ["j", 1]),
        (ValueType.OBJECT, '{"j": 1}', {"j": 1}), (ValueType.OBJECT, "notjson", "notjson"),
        (ValueType.OBJECT, ["x"], ["x"]), (ValueType.OBJECT, None, None), (ValueType.OBJECT, 5, 5),
    ],
)  # fmt: skip
def test_what_a_type_accepts(kind: ValueType, given: Any, wanted: Any) -> None:
    converted = convert(kind, given)
    assert (type(converted), converted) == (type(wanted), wanted)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (ValueType.INT, "abc"), (ValueType.INT, ""), (ValueType.INT, None), (ValueType.INT, [1]),
        (ValueType.INT, float("inf")), (ValueType.INT, "9" * 5000),
        (ValueType.DOUBLE, "x"), (ValueType.DOUBLE, None), (ValueType.BOOL, 0), (ValueType.BOOL, 1),
        (ValueType.BOOL, "no"), (ValueType.BOOL, None), (ValueType.LIST, {"a": 1}), (ValueType.LIST, None),
        (ValueType.LIST, 5), (ValueType.LIST, '{"a": 1}'),
    ],
)  # fmt: skip
def test_what_a_type_refuses_names_input_and_type(kind: ValueType, given: Any) -> None:
    with pytest.raises(InputError, match=f"flow input 'x' does not match the expected type '{kind}'"):
        convert(kind, given)


def test_bad_json_for_a_list_has_its_own_message() -> None:
    with pytest.raises(InputError, match=r"'x' was interpreted as JSON string .* 'notjson' .*\(JSONDecodeError\)"):
        convert(ValueType.LIST, "notjson")


def test_all_missing_inputs_are_named_in_their_order() -> None:
    definition = flow(b=FlowInput(ValueType.INT), a=FlowInput(ValueType.INT), c=FlowInput(ValueType.STRING, ""))
    with pytest.raises(InputError) as caught:
        convert_inputs(definition, {"z": 1})
    assert caught.value.message == "Required input fields ['b', 'a'] are missing in request data {'z': 1}"


@pytest.mark.parametrize("data", [{"other": "private"}, ["private"], "private", {"x": "private"}])
def test_what_a_caller_sent_is_told_to_the_caller_and_not_to_the_log(data: Any) -> None:
    with pytest.raises((InputError, InternalFailure)) as caught:
        convert_inputs(flow(x=FlowInput(ValueType.LIST)), data)
    assert "private" in caught.value.message
    assert "private" not in caught.value.for_log


def test_falsy_defaults_are_defaults_and_unknown_fields_are_dropped() -> None:
    definition = flow(i=FlowInput(ValueType.INT, 0), s=FlowInput(ValueType.STRING, ""), l=FlowInput(ValueType.LIST, []))
    assert convert_inputs(definition, {"z": 1, "i": "4"}) == {"i": 4, "s": "", "l": []}


def test_a_default_is_fresh_for_every_request() -> None:
    definition = flow(l=FlowInput(ValueType.LIST, []))
    convert_inputs(definition, {})["l"].append(1)
    assert convert_inputs(definition, {}) == {"l": []}
    complete = {"l": definition.inputs["l"].default}
    convert_inputs(definition, complete)["l"].append(1)
    assert convert_inputs(definition, {}) == {"l": []}


def test_data_that_is_no_object() -> None:
    required, optional = flow(x=FlowInput(ValueType.INT)), flow(x=FlowInput(ValueType.INT, 1))
    with pytest.raises(InputError, match="Required input fields"):
        convert_inputs(required, [1])
    with pytest.raises(InternalFailure, match="must be a JSON object"):
        convert_inputs(optional, [1])
    with pytest.raises(InputError, match="must be a JSON object"):
        convert_inputs(optional, 5)
    assert [convert_inputs(optional, empty) for empty in (None, list[int](), "")] == [{"x": 1}] * 3
    assert convert_inputs(flow(), [1]) == {}


def test_the_quoted_data_is_bounded() -> None:
    with pytest.raises(InputError) as caught:
        convert_inputs(flow(x=FlowInput(ValueType.INT)), {"y": "a" * 100_000})
    assert len(caught.value.message) < 3000


@pytest.mark.parametrize("given", [{"data:image/png;base64": PIXEL}, PIXEL, f"data:image/png;base64,{PIXEL}"])
def test_an_image_is_loaded(given: Any) -> None:
    image = convert(ValueType.IMAGE, given)
    assert isinstance(image, Image)
    assert (image._mime_type, len(image)) == ("image/png", 70)
    assert dump_nested({"i": image}, "basic") == {"i": {"data:image/png;base64": PIXEL}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "should not be empty"),
        (None, "Unsupported image input type"),
        (5, "Unsupported image input type"),
        ({"type": "image_url", "image_url": {"url": "x"}}, "Invalid image input format"),
        ({"data:image/png;path": "/etc/passwd"}, "lies outside"),
        ({"data:image/png;path": "../x.png"}, "lies outside"),
        ({"data:image/png;path": "none.png"}, "cannot be read"),
        ({"data:image/png;base64": "no base64"}, "is not base64"),
        ({"data:image/png;url": "http://127.0.0.1/x"}, "cannot be fetched"),
        ("/etc/passwd", "lies outside"),
        ("http://127.0.0.1/x.png", "cannot be fetched"),
        ("x\0.png", "zero byte"),
        ("x" * 5001, "cannot be read"),
        ({"data:image/png;base64": 5}, "should be a string"),
    ],
)
def test_a_bad_image_names_the_input(given: Any, words: str) -> None:
    with pytest.raises(InputError, match=f"Failed to load image for input 'x': .*{words}"):
        convert(ValueType.IMAGE, given)


def test_images_deep_in_lists_and_objects_are_loaded() -> None:
    definition = flow(q=FlowInput(ValueType.LIST), o=FlowInput(ValueType.OBJECT))
    image = {"data:image/png;base64": PIXEL}
    inputs = convert_inputs(definition, {"q": ["hello", image], "o": {"deep": {"i": image}, "k": 1}})
    assert isinstance(inputs["q"][1], Image)
    assert isinstance(inputs["o"]["deep"]["i"], Image)
    assert dump_nested(inputs, "basic") == {"q": ["hello", image], "o": {"deep": {"i": image}, "k": 1}}


def test_the_vision_format_has_texts_and_data_urls() -> None:
    definition = flow(MessageFormat.OPENAI_VISION, q=FlowInput(ValueType.LIST))
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    text, image = convert_inputs(definition, {"q": [{"type": "text", "text": "hi"}, part]})["q"]
    assert isinstance(text, Text)
    assert dump_nested([text, image], "openai-vision") == ["hi", part]
    for refused, words in (
        ({"type": "image_file", "image_file": {"path": "/x"}}, "lies outside"),
        ({"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}, "cannot be fetched"),
        ({"type": "image_url", "image_url": {"url": "no address"}}, "Invalid image url"),
    ):
        with pytest.raises(InputError, match=words):
            convert_inputs(definition, {"q": [refused]})
    no_image = {"type": "image_url", "image_url": {}}
    assert convert_inputs(definition, {"q": [no_image]}) == {"q": [no_image]}


def test_a_path_starts_at_the_flows_folder(tmp_path: Path) -> None:
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "in.png").write_bytes(base64.b64decode(PIXEL))
    (tmp_path / "out.png").write_bytes(b"GIF89a")
    named = {"x": FlowInput(ValueType.IMAGE, "in.png")}
    basic = flow_in(folder, MessageFormat.BASIC, named, confined=False)
    assert convert_inputs(basic, {})["x"] == base64.b64decode(PIXEL)
    outside = convert_inputs(basic, {"x": {"data:image/JPG;path": "../out.png"}})["x"]
    assert (bytes(outside), outside._mime_type) == (b"GIF89a", "image/jpg")
    vision = flow_in(folder, MessageFormat.OPENAI_VISION, named, confined=False)
    file = {"type": "image_file", "image_file": {"path": "../out.png"}}
    assert convert_inputs(vision, {"x": file})["x"]._mime_type == "image/gif"


def test_a_path_leads_into_the_folder_when_confined_and_to_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "in.png").write_bytes(b"GIF inside")
    (tmp_path / "out.png").write_bytes(b"GIF outside")
    (folder / "link.png").symlink_to(tmp_path / "out.png")
    os.mkfifo(folder / "pipe.png")

    def load(path: str, *, confined: bool) -> bytes:
        named = {"x": FlowInput(ValueType.IMAGE)}
        definition = flow_in(folder, MessageFormat.BASIC, named, confined=confined)
        return bytes(convert_inputs(definition, {"x": {"data:image/png;path": path}})["x"])

    for inside in ("in.png", str(folder / "in.png"), "../flow/in.png"):
        assert load(inside, confined=True) == b"GIF inside"
    for reaching_out in ("link.png", "../out.png", str(tmp_path / "out.png")):
        with pytest.raises(InputError, match="outside the flow folder"):
            load(reaching_out, confined=True)
        assert load(reaching_out, confined=False) == b"GIF outside"
    (folder / "code.py").write_text("KEY = 'abc'")
    assert load("code.py", confined=False) == b"KEY = 'abc'"
    with pytest.raises(InputError, match="is no image of a known kind"):
        load("code.py", confined=True)
    for no_file in ("pipe.png", "."):
        with pytest.raises(InputError, match="is not a file|Is a directory"):
            load(no_file, confined=False)


def test_images_by_address_are_listed_for_fetching() -> None:
    definition = flow(x=FlowInput(ValueType.IMAGE), q=FlowInput(ValueType.LIST))
    remote: list[RemoteImage] = []
    url = "https://example.com/i.png"
    inputs = convert_inputs(definition, {"x": url, "q": [{"data:image/gif;url": url}, 1]}, remote=remote)
    assert [(each.input, each.source_url) for each in remote] == [("x", url), ("q", url)]
    fetched = put_in_place(inputs, {id(each): each.with_bytes(b"\x89PNG") for each in remote})
    assert fetched["q"][1] == 1
    assert [image._mime_type for image in (fetched["x"], fetched["q"][0])] == ["image/png", "image/gif"]
    assert {type(image) for image in (fetched["x"], fetched["q"][0])} == {Image}


def test_an_images_type_is_told_from_its_bytes_unless_it_is_given() -> None:
    assert convert(ValueType.IMAGE, f"data:image/jpeg;base64,{PIXEL}")._mime_type == "image/png"
    assert convert(ValueType.IMAGE, {"data:image/jpeg;base64": PIXEL})._mime_type == "image/jpeg"
    assert Image(b"abc")._mime_type == "image/*"
    assert str(Image(b"abc")) == "Image(a9993e36)"


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InputError, match="'x' is nested too deeply"):
        convert(ValueType.LIST, value)


def test_values_without_images_are_passed_on_as_they_are() -> None:
    value = {"a": [1, (2, "x")]}
    assert dump_nested(value, "basic") is value
