"""Images in flow inputs, prompts and outputs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
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
    """How images of a flow are written and found. folder: where their paths start; confined: they must lie in it."""

    message_format: str
    folder: Path
    confined: bool


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


class Text(str):
    """A text part of a message in the `openai-vision` format."""

    __slots__ = ()


def load_image(value: Any, rules: ImageRules) -> Image:
    """The image an input of type image means. Raises InputError saying why there is none; the caller names the input.

    An address is refused: it would make the server call out on a caller's word.
    """
    if isinstance(value, Image):
        return value
    if isinstance(value, str):
        if not value:
            raise _invalid("The image input should not be empty.")
        return _from_text(value, rules)
    if not isinstance(value, Mapping):
        raise _invalid(
            f"Unsupported image input type: {type(value)}. The image inputs should be a string or a dictionary."
        )
    if not is_image(value, rules.message_format):
        raise _invalid(f"Invalid image input format. The image input should be a dictionary like: {_shape(rules)}.")
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


def _text_part(value: Mapping[str, Any]) -> str | None:
    text = value.get("text") if value.get("type") == "text" and len(value) == 2 else None
    text = text.get("value") if isinstance(text, Mapping) else text
    return text if isinstance(text, str) else None


def _shape(rules: ImageRules) -> str:
    if rules.message_format == OPENAI_VISION:
        return "{type: image_url, image_url: {url: <data URL>}} or {type: image_file, image_file: {path: <path>}}"
    return "{data:image/<image_type>;[path|base64]: <image_data>}"


def _from_text(value: str, rules: ImageRules) -> Image:
    if _BASE64.fullmatch(value):
        return Image(_decoded(value))
    if _ADDRESS.match(value):
        raise _refused("address")
    return _from_path(value, rules)


def _from_basic(value: Mapping[str, Any], rules: ImageRules) -> Image:
    key, data = next(iter(value.items()))
    match = _BASIC_KEY.match(key)
    if match is None or not isinstance(data, str):
        raise _invalid("The image data should be a string.")
    kind, how = match.groups()
    if how == "path":
        return _from_path(data, rules, kind)
    if how == "url":
        raise _refused("address")
    if not _BASE64.fullmatch(data):
        raise _invalid("The image data is not base64.")
    return Image(_decoded(data), kind)


def _from_vision(value: Mapping[str, Any], rules: ImageRules) -> Image:
    kind = value["type"]
    found = value[kind][_VISION_KEYS[kind]]
    if not isinstance(found, str):
        raise _invalid("The image data should be a string.")
    if kind == "image_file":
        return _from_path(found, rules)
    if not _BASE64.fullmatch(found):
        raise _refused("address")
    return Image(_decoded(found))


def _from_path(written: str, rules: ImageRules, kind: str | None = None) -> Image:
    if "\0" in written:
        raise _invalid("The path of an image holds a zero byte.")
    path = (rules.folder / written).resolve()
    if rules.confined and not path.is_relative_to(rules.folder.resolve()):
        raise _invalid(f"The image '{written}' lies outside the flow folder.")
    try:
        return Image(path.read_bytes(), kind)
    except OSError as error:
        raise _invalid(f"The image '{written}' cannot be read: {error.strerror}.") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.rpartition(",")[2])
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
