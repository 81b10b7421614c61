"""Images in flow inputs, prompts and outputs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowstead_runtime.errors import InputError

BASIC, OPENAI_VISION = "basic", "openai-vision"
_BASIC_KEY = re.compile(r"^data:(image/[^;]*);(base64|path|url)$")
_BASE64 = re.compile(
    r"(?:data:image/[^,]*;base64[^,]*,)?(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=)?)?"
)
"""What promptflow takes for base64: with or without the head of a data URL, and nothing said of the bytes in it."""
_ADDRESS = re.compile(r"\w[\w+.-]*://[^/?#]")
_TEXT_KEY = re.compile(r"^data:(image/[^;]*);(path|base64|url):\s*(.*)$")
_VISION_KEYS: Mapping[str, str] = {"image_url": "url", "image_file": "path"}
_SHOWN = 200
_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Most answers hold nothing else."""
_UNKNOWN = "image/*"
_SIGNATURES = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
)


@dataclass(frozen=True)
class ImageRules:
    """How images of a flow are written and found. folder: where their paths start; confined: they must lie in it;
    remote: gets those that are still to be fetched, which without it are refused."""

    message_format: str
    folder: Path
    confined: bool
    remote: list[RemoteImage] | None = None


class Image(bytes):
    """An image's bytes with its type, which is told from the bytes when it is not given. `str()` gives a short name for
    it, which chat templates may hold."""

    _mime_type: str
    source_url: str | None

    def __new__(cls, value: bytes, mime_type: str | None = None, source_url: str | None = None) -> Image:
        made = super().__new__(cls, value)
        made._mime_type = (mime_type or _type_of(value)).lower()
        made.source_url = source_url
        return made

    def __str__(self) -> str:
        told_apart_by = self or (self.source_url or "").encode()
        return f"Image({hashlib.sha1(told_apart_by, usedforsecurity=False).hexdigest()[:8]})"

    __repr__ = __str__

    def to_base64(self, with_type: bool = False, dict_type: bool = False) -> Any:
        """Base64 text; with_type: as a data URL; dict_type as well: in the basic message format."""
        text = base64.b64encode(self).decode()
        if not with_type:
            return text
        return {f"data:{self._mime_type};base64": text} if dict_type else self.data_url()

    def data_url(self) -> str:
        return f"data:{self._mime_type};base64,{base64.b64encode(self).decode()}"


class RemoteImage(Image):
    """Stands for an image that is still to be fetched from its `source_url`. input: the flow input it came in; given:
    its type, if that was said."""

    input: str = ""
    given: str | None = None

    def with_bytes(self, data: bytes) -> Image:
        """The image itself."""
        return Image(data, self.given, self.source_url)


class Text(str):
    """A text part of a message in the `openai-vision` format."""

    __slots__ = ()


def load_image(value: Any, rules: ImageRules) -> Image:
    """The image an input of type image means. Raises InputError saying why there is none; the caller names the input.

    An image by address is listed for fetching (`ImageRules.remote`), and what is returned stands for it.
    """
    if isinstance(value, Image):
        return value
    if isinstance(value, str):
        if not value:
            raise invalid_image("The image input should not be empty.")
        return _from_text(value, rules)
    if not isinstance(value, Mapping):
        raise invalid_image(
            f"Unsupported image input type: {type(value)}. The image inputs should be a string or a dictionary."
        )
    if not is_image(value, rules.message_format):
        raise invalid_image(
            f"Invalid image input format. The image input should be a dictionary like: {_shape(rules)}."
        )
    return _from_vision(value, rules) if rules.message_format == OPENAI_VISION else _from_basic(value, rules)


def image_in_text(text: str, folder: Path, *, confined: bool = True) -> Image | str:
    """The image that a text like `data:image/png;base64: …`, `data:image/png;path: …` or `data:image/png;url: …` stands
    for, else the text. A path starts at `folder`, and must lie inside when confined; an address is for the provider to
    fetch, not for us. Raises InputError."""
    match = _TEXT_KEY.match(text)
    if match is None:
        return text
    kind, how, value = match.groups()
    if how == "base64":
        return Image(_decoded(value), kind)
    if how == "url":
        return Image(b"", kind, source_url=value)
    return _from_path(value, ImageRules(BASIC, folder, confined), kind)


def is_image(value: Any, message_format: str) -> bool:
    """Whether a mapping is an image in that format."""
    if not isinstance(value, Mapping):
        return False
    if message_format == OPENAI_VISION:
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in _VISION_KEYS or len(value) != 2:
            return False
        part = value.get(kind)
        return isinstance(part, Mapping) and _VISION_KEYS[kind] in part
    return len(value) == 1 and isinstance(key := next(iter(value)), str) and _BASIC_KEY.match(key) is not None


def load_nested(value: Any, rules: ImageRules) -> Any:
    """Lists and mappings with every image in them loaded; the same object when there is none. Raises InputError."""
    if isinstance(value, list):
        items = [load_nested(item, rules) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    if not isinstance(value, dict):
        return value
    if is_image(value, rules.message_format):
        return load_image(value, rules)
    if rules.message_format == OPENAI_VISION and (text := _text_part(value)) is not None:
        return Text(text)
    loaded = {key: load_nested(item, rules) for key, item in value.items()}
    return value if all(loaded[key] is item for key, item in value.items()) else loaded


def put_in_place(value: Any, fetched: Mapping[int, Image]) -> Any:
    """Lists and mappings with each image that was fetched in the place of what stood for it. fetched: by the id() of
    the latter."""
    if isinstance(value, RemoteImage):
        return fetched[id(value)]
    if isinstance(value, list):
        return [put_in_place(item, fetched) for item in value]
    if isinstance(value, dict):
        return {key: put_in_place(item, fetched) for key, item in value.items()}
    return value


def dump_nested(value: Any, message_format: str) -> Any:
    """The reverse of `load_nested`, for an answer: images as base64; the same object when there is none."""
    if type(value) is dict and _PLAIN.issuperset(map(type, value.values())):
        return value
    if isinstance(value, Image):
        if message_format == OPENAI_VISION:
            return {"type": "image_url", "image_url": {"url": value.data_url() if value else value.source_url}}
        return {f"data:{value._mime_type};base64": value.to_base64()}
    if isinstance(value, list | tuple):
        items = [dump_nested(item, message_format) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    if isinstance(value, dict):
        dumped = {key: dump_nested(item, message_format) for key, item in value.items()}
        return value if all(dumped[key] is item for key, item in value.items()) else dumped
    return value


def _text_part(value: Mapping[str, Any]) -> str | None:
    text = value.get("text") if value.get("type") == "text" and len(value) == 2 else None
    text = text.get("value") if isinstance(text, Mapping) else text
    return text if isinstance(text, str) else None


def _shape(rules: ImageRules) -> str:
    if rules.message_format == OPENAI_VISION:
        return "{type: image_url, image_url: {url: <url>}} or {type: image_file, image_file: {path: <path>}}"
    return "{data:image/<image_type>;[path|base64|url]: <image_data>}"


def _from_text(value: str, rules: ImageRules) -> Image:
    if _BASE64.fullmatch(value):
        return Image(_decoded(value))
    return _from_address(value, rules) if _ADDRESS.match(value) else _from_path(value, rules)


def _from_basic(value: Mapping[str, Any], rules: ImageRules) -> Image:
    key, data = next(iter(value.items()))
    match = _BASIC_KEY.match(key)
    if match is None or not isinstance(data, str):
        raise invalid_image("The image data should be a string.")
    kind, how = match.groups()
    if how == "path":
        return _from_path(data, rules, kind)
    if how == "url":
        return _from_address(data, rules, kind)
    if not _BASE64.fullmatch(data):
        raise invalid_image("The image data is not base64.")
    return Image(_decoded(data), kind)


def _from_vision(value: Mapping[str, Any], rules: ImageRules) -> Image:
    kind = value["type"]
    found = value[kind][_VISION_KEYS[kind]]
    if not isinstance(found, str):
        raise invalid_image("The image data should be a string.")
    if kind == "image_file":
        return _from_path(found, rules)
    if _BASE64.fullmatch(found):
        return Image(_decoded(found))
    if not _ADDRESS.match(found):
        raise invalid_image(f"Invalid image url: {shown(found)}. It should be an address or a data URL.", found)
    return _from_address(found, rules)


def _from_address(url: str, rules: ImageRules, kind: str | None = None) -> Image:
    if rules.remote is None:
        raise invalid_image("An image cannot be fetched from its address here; send it as base64.")
    image = RemoteImage(b"", kind, url)
    image.given = kind
    rules.remote.append(image)
    return image


def _from_path(written: str, rules: ImageRules, kind: str | None = None) -> Image:
    if "\0" in written:
        raise invalid_image("The path of an image holds a zero byte.")
    try:
        path = (rules.folder / written).resolve()
        if rules.confined and not path.is_relative_to(rules.folder.resolve()):
            raise invalid_image(f"The image '{shown(written)}' lies outside the flow folder.", written)
        # A pipe or a device would block, or never end.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise invalid_image(f"The image '{shown(written)}' is not a file.", written)
            data = file.read()
    except (OSError, RuntimeError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise invalid_image(f"The image '{shown(written)}' cannot be read: {reason}.", written) from None
    if rules.confined and _type_of(data) == _UNKNOWN:
        # Else a caller could read the flow's code and settings as if they were pictures.
        raise invalid_image(f"The file '{shown(written)}' is no image of a known kind.", written)
    return Image(data, kind)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.rpartition(",")[2])
    except (binascii.Error, ValueError) as error:
        raise invalid_image(f"The image data is not base64: {error}.") from None


def _type_of(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if data.startswith(start)), _UNKNOWN)


def invalid_image(problem: str, written: str = "") -> InputError:
    """With promptflow's name for it before the problem. written: what the caller sent, which the problem quotes."""
    return InputError(f"(InvalidImageInput) {problem}", quoted=shown(written))


def shown(text: str) -> str:
    """The start of what a caller sent, as an error quotes it."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
