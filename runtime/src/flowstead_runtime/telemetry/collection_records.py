"""A record as a line of a collection's file: a CloudEvents 1.0 object in Azure's spelling. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

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
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode
_dumps_rows = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=False).encode
_dumps_ascii = json.JSONEncoder(separators=(",", ":"), default=str, allow_nan=False).encode


class Record(NamedTuple):
    """Something to keep. at: Unix time. content: the rows as JSON, or the bytes of a body; about: what else the event
    says (path, method, headers …)."""

    collection: str
    id: str
    at: float
    correlation_id: str
    request_id: str
    content: bytes
    content_type: str = "application/json"
    data_type: str = BYTES
    about: Mapping[str, Any] = {}


class Rendered(NamedTuple):
    """folder: of the line, relative to the destination. file: path and content, when the payload is not in the line."""

    collection: str
    folder: str
    line: bytes
    file: tuple[str, bytes] | None = None


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


def render(record: Record, settings: CollectionSettings, hide: Hide) -> Rendered:
    """The record's line. hide: takes secrets out of a text."""
    at = datetime.fromtimestamp(record.at, UTC)
    rolled = at.strftime(_ROLLED[settings.rolling_rate])
    base = f"{settings.endpoint}/{settings.deployment}"
    data = _data(record, hide)
    file = None
    about = {name: _hidden(value, hide) for name, value in record.about.items()}
    if data is None:
        path = f"{base}/{rolled}/{record.id}"
        file = (path, _hidden_bytes(record.content, hide))
        data = _dumps(path)
        about["datainblob"] = "true"
    size = len(record.content)
    before = {
        "specversion": "1.0",
        "id": record.id,
        "source": settings.source,
        "type": f"azureml.inference.{record.collection}",
        "datacontenttype": record.content_type,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    after = {
        **about,
        "contentrange": f"bytes 0-{size - 1}/{size}" if size else "bytes */0",
        "correlationid": hide(record.correlation_id),
        "xrequestid": hide(record.request_id),
        "modelversion": settings.model_version,
        "collectdatatype": record.data_type,
        "agent": AGENT,
    }
    line = f'{_dumps(before)[:-1]},"data":{data},{_dumps(after)[1:]}\n'
    folder = f"{base}/{record.collection}/{rolled}"
    return Rendered(record.collection, folder, line.encode("utf-8", "backslashreplace"), file)


def _data(record: Record, hide: Hide) -> str | None:
    """The content as JSON text without line breaks; None when it gets a file of its own."""
    if len(record.content) > LARGEST_IN_LINE:
        return None
    try:
        text = record.content.decode()
    except UnicodeDecodeError:
        return None
    if record.data_type != ROWS and not _is_json(text):
        return _dumps(hide(text))
    hidden = hide(text)
    if hidden != text and not _is_json(hidden):
        # The secret was a number.
        return _dumps(hidden)
    return hidden.replace("\r", " ").replace("\n", " ")


def _is_json(text: str) -> bool:
    """Strictly: NaN and infinity are no JSON. Line breaks can then only stand between its parts."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _hidden(value: Any, hide: Hide) -> Any:
    if isinstance(value, str):
        return hide(value)
    return {name: hide(text) for name, text in value.items()} if isinstance(value, dict) else value


def _hidden_bytes(content: bytes, hide: Hide) -> bytes:
    """Also of a body that is no text: a secret may stand between its bytes."""
    try:
        return hide(content.decode()).encode()
    except UnicodeDecodeError:
        return hide(content.decode("latin-1")).encode("latin-1")
