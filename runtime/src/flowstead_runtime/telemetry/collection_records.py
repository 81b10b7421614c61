"""A record as a line of a collection's file: a CloudEvents 1.0 object in Azure's spelling. Pure."""

from __future__ import annotations

import json
import json.encoder
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from flowstead_runtime import __version__
from flowstead_runtime.telemetry.collection_settings import CollectionSettings, RollingRate

LARGEST_IN_LINE = 4 * 1024 * 1024
"""Bytes; a larger payload gets a file of its own (Azure's data collector does the same)."""

AGENT = f"flowstead-runtime/{__version__}"
ROWS = "pandas.core.frame.DataFrame"
"""What Azure's records call a list of rows, whoever made it; its readers look for that."""
BYTES = "python.bytes"

Hide = Callable[[str], str]

_ROLLED = {
    RollingRate.YEAR: "%Y",
    RollingRate.MONTH: "%Y/%m",
    RollingRate.DAY: "%Y/%m/%d",
    RollingRate.HOUR: "%Y/%m/%d/%H",
    RollingRate.MINUTE: "%Y/%m/%d/%H/%M",
}
_quoted = json.encoder.encode_basestring
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_dumps_rows = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=False).encode
_dumps_ascii = json.JSONEncoder(separators=(",", ":"), default=str, allow_nan=False).encode


class Record(NamedTuple):
    """Something to keep. at: Unix time. content: the rows as JSON, or the bytes of a body. about: what else the event
    says (path, method …), of our own making. headers: those that were captured."""

    collection: str
    id: str
    at: float
    correlation_id: str
    request_id: str
    content: bytes
    content_type: str = "application/json"
    data_type: str = BYTES
    about: Mapping[str, str | int] = MappingProxyType({})
    headers: Mapping[str, str] = MappingProxyType({})


class Rendered(NamedTuple):
    """folder: of the line, relative to the destination. file: path and content, when the payload is not in the line."""

    collection: str
    folder: str
    line: bytes
    file: tuple[str, bytes] | None = None


class Renderer:
    """Makes lines, in any thread. hide: takes secrets out of a text. Lines are put together by hand, since that is the
    larger part of what a record costs."""

    def __init__(self, settings: CollectionSettings, hide: Hide) -> None:
        self._hide = hide
        self._base = f"{settings.endpoint}/{settings.deployment}"
        self._source = _quoted(settings.source)
        self._version = _quoted(settings.model_version)
        self._rolled = _ROLLED[settings.rolling_rate]
        self._moment = self._moment_of(0)

    def render(self, record: Record) -> Rendered:
        second, time, rolled = self._moment
        if second != int(record.at):
            _, time, rolled = self._moment = self._moment_of(int(record.at))
        data, file, about = _data(record, self._hide), None, dict(record.about)
        if data is None:
            path = f"{self._base}/{rolled}/{record.id}"
            file = (path, _hidden_bytes(record.content, self._hide))
            data = _quoted(path)
            about["datainblob"] = "true"
        line = (
            f'{{"specversion":"1.0","id":"{record.id}","source":{self._source},'
            f'"type":"azureml.inference.{record.collection}","datacontenttype":{_quoted(record.content_type)},'
            f'"time":"{time}","data":{data},{self._more(about, record.headers)}'
            f'"contentrange":"{_range(len(record.content))}",'
            f'"correlationid":{_quoted(self._hide(record.correlation_id))},'
            f'"xrequestid":{_quoted(self._hide(record.request_id))},"modelversion":{self._version},'
            f'"collectdatatype":"{record.data_type}","agent":"{AGENT}"}}\n'
        )
        folder = f"{self._base}/{record.collection}/{rolled}"
        return Rendered(record.collection, folder, line.encode("utf-8", "backslashreplace"), file)

    def _moment_of(self, second: int) -> tuple[int, str, str]:
        """A second and how it is written, in events and in folders."""
        at = datetime.fromtimestamp(second, UTC)
        return second, at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime(self._rolled)

    def _more(self, about: Mapping[str, str | int], headers: Mapping[str, str]) -> str:
        told: dict[str, Any] = dict(about)
        if headers:
            told["headers"] = {name: self._hide(value) for name, value in headers.items()}
        return f"{_dumps(told)[1:-1]}," if told else ""


def encode_rows(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as JSON that any reader understands: what has no JSON form is told as text, NaN and infinity are null, as
    pandas writes them. Raises TypeError, ValueError or RecursionError for what cannot be told."""
    listed = list(rows)
    try:
        text = _dumps_rows(listed)
    except ValueError:
        listed = _finite(listed)
        text = _dumps_rows(listed)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _dumps_ascii(listed).encode()


def _data(record: Record, hide: Hide) -> str | None:
    """The content as JSON text without line breaks; None when it gets a file of its own."""
    if len(record.content) > LARGEST_IN_LINE:
        return None
    try:
        text = record.content.decode()
    except UnicodeDecodeError:
        return None
    hidden = hide(text)
    if record.data_type != ROWS and not _is_json(text):
        return _quoted(hidden)
    if hidden != text and not _is_json(hidden):
        # The secret was a number.
        return _quoted(hidden)
    return hidden.replace("\r", " ").replace("\n", " ")


def _range(size: int) -> str:
    return f"bytes 0-{size - 1}/{size}" if size else "bytes */0"


def _is_json(text: str) -> bool:
    """Strictly: NaN and infinity are no JSON. Line breaks can then only stand between its parts."""
    try:
        _decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_decode = json.JSONDecoder(parse_constant=_refuse).decode


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _hidden_bytes(content: bytes, hide: Hide) -> bytes:
    """Also of a body that is no text: a secret may stand between its bytes."""
    try:
        return hide(content.decode()).encode()
    except UnicodeDecodeError:
        return hide(content.decode("latin-1")).encode("latin-1")
