"""Images in flow inputs, prompts and outputs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowstead_runtime.errors import InputError

BASIC, OPENAI_VISION = "basic", "openai-vision"
_BASIC_KEY = re.compile(r"^data:(image/[^;]*);(base64|path|url)$")
_DATA_URL = re.compile(r"^data:(image/[^;]*);base64,(.*)$", re.DOTALL)
_TEXT_KEY = re.compile(r"^data:(image/[^;]*);(path|base64|url):\s*(.*)$")
_SIGNATURES = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


class Image(bytes):
    """An image's bytes with its type. `str()` gives a short name for it, which chat templates may hold."""

    _mime_type: str
    source_url: str | None

    def __new__(cls, value: bytes, mime_type: str = "image/*", source_url: str | None = None) -> Image:
        made = super().__new__(cls, value)
        made._mime_type = mime_type
        made.source_url = source_url
        return made

    def __str__(self) -> str:
        told_apart_by = self or (self.source_url or "").encode()
        return f"Image({hashlib.sha256(told_apart_by).hexdigest()[:16]})"

    __repr__ = __str__

    def to_base64(self, with_type: bool = False, dict_type: bool = False) -> Any:
        """Base64 text; with_type: as a data URL; dict_type as well: in the basic message format."""
        text = base64.b64encode(self).decode()
        if not with_type:
            return text
        return {f"data:{self._mime_type};base64": text} if dict_type else self.data_url()

    def data_url(self) -> str:
        return f"data:{self._mime_type};base64,{base64.b64encode(self).decode()}"


class Text(str):
    """A text part of a message in the `openai-vision` format."""

    __slots__ = ()


def load_image(value: Any, message_format: str) -> Image:
    """The image an input of type image means. Raises InputError saying why there is none; the caller names the input.

    A path and an address are refused: they would make the server read its files or call out on a caller's word.
    """
    if isinstance(value, Image):
        return value
    if isinstance(value, str):
        if not value:
            raise _invalid("The image input should not be empty.")
        return _from_text(value)
    if not isinstance(value, Mapping):
        raise _invalid(
            f"Unsupported image input type: {type(value)}. The image inputs should be a string or a dictionary."
        )
    if not is_image(value, message_format):
        shape = (
            "{type: image_url, image_url: {url: <data URL>}}"
            if message_format == OPENAI_VISION
            else "{data:image/<image_type>;base64: <image_data>}"
        )
        raise _invalid(f"Invalid image input format. The image input should be a dictionary like: {shape}.")
    return _from_vision(value) if message_format == OPENAI_VISION else _from_basic(value)


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
    if "\0" in value:
        raise _invalid("The path of an image holds a zero byte.")
    path = (folder / value).resolve()
    if confined and not path.is_relative_to(folder.resolve()):
        raise _invalid(f"The image '{value}' lies outside the flow folder.")
    try:
        return Image(path.read_bytes(), kind)
    except OSError as error:
        raise _invalid(f"The image '{value}' cannot be read: {error.strerror}.") from None


def is_image(value: Any, message_format: str) -> bool:
    """Whether a mapping is an image in that format."""
    if not isinstance(value, Mapping):
        return False
    if message_format == OPENAI_VISION:
        return value.get("type") in ("image_url", "image_file") and value.get("type") in value
    return len(value) == 1 and isinstance(key := next(iter(value)), str) and _BASIC_KEY.match(key) is not None


def load_nested(value: Any, message_format: str) -> Any:
    """Lists and mappings with every image in them loaded; the same object when there is none. Raises InputError."""
    if isinstance(value, list):
        items = [load_nested(item, message_format) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    if not isinstance(value, dict):
        return value
    if is_image(value, message_format):
        return load_image(value, message_format)
    if message_format == OPENAI_VISION and value.get("type") == "text" and isinstance(value.get("text"), str):
        return Text(value["text"])
    loaded = {key: load_nested(item, message_format) for key, item in value.items()}
    return value if all(loaded[key] is item for key, item in value.items()) else loaded


def dump_nested(value: Any, message_format: str) -> Any:
    """The reverse of `load_nested`, for an answer: images as base64; the same object when there is none."""
    if isinstance(value, Image):
        if message_format == OPENAI_VISION:
            return {"type": "image_url", "image_url": {"url": value.source_url or value.data_url()}}
        return {f"data:{value._mime_type};base64": value.to_base64()}
    if isinstance(value, list | tuple):
        items = [dump_nested(item, message_format) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    if isinstance(value, dict):
        dumped = {key: dump_nested(item, message_format) for key, item in value.items()}
        return value if all(dumped[key] is item for key, item in value.items()) else dumped
    return value


def _from_text(value: str) -> Image:
    match = _DATA_URL.match(value)
    if match:
        return Image(_decoded(match[2]), match[1])
    if value.startswith(("http://", "https://")):
        raise _refused("address")
    if re.search(r"\.(png|jpe?g|gif|bmp|tiff?|webp)$", value, re.IGNORECASE):
        raise _refused("path")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("path") from None
    return Image(data, _type_of(data))


def _from_basic(value: Mapping[str, Any]) -> Image:
    key, data = next(iter(value.items()))
    match = _BASIC_KEY.match(key)
    if match is None or not isinstance(data, str):
        raise _invalid("The image data should be a string.")
    if match[2] != "base64":
        raise _refused("path" if match[2] == "path" else "address")
    return Image(_decoded(data), match[1])


def _from_vision(value: Mapping[str, Any]) -> Image:
    if value["type"] == "image_file":
        raise _refused("path")
    part = value["image_url"]
    url = part.get("url") if isinstance(part, Mapping) else None
    match = _DATA_URL.match(url) if isinstance(url, str) else None
    if match is None:
        raise _refused("address")
    return Image(_decoded(match[2]), match[1])


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise _invalid(f"The image data is not base64: {error}.") from None


def _type_of(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if data.startswith(start)), "image/*")


def _refused(what: str) -> InputError:
    return _invalid(f"An image cannot be given by its {what} here; send it as base64.")


def _invalid(problem: str) -> InputError:
    return InputError(f"(InvalidImageInput) {problem}")
