"""What is collected, how much of it and where it goes: one JSON document."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.secret_values import looks_secret

VARIABLE = "FLOWSTEAD_DATA_COLLECTOR"
"""Holds the document where no file is named."""

PAYLOADS = ("request", "response")
"""Collections of bodies as they were sent; all others are of values."""

log = logging.getLogger("flowstead.collection")

_DOCUMENT = frozenset(
    {"destination", "endpoint", "deployment", "instance", "model_version", "source", "data_collector"}
)
_BLOCK = frozenset({"collections", "sampling_rate", "rolling_rate", "request_logging"})
_COLLECTION = frozenset({"enabled", "sampling_rate", "data", "client_id"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""Each of these becomes a part of a path."""
_COOKIES = frozenset({"cookie", "set-cookie"})


class RollingRate(StrEnum):
    """How long one folder is written to."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"


@dataclass(frozen=True)
class CollectionSettings:
    """destination: the folder that stands for Azure's `modelDataCollector`. instance: the name of this instance's
    files, unique among those of the deployment. source: the deployment, as the records name it. rates: of the enabled
    collections, each from 0 to 1. captured_headers: in lower case, none that carries credentials."""

    destination: Path
    endpoint: str
    deployment: str
    instance: str
    model_version: str
    source: str
    rates: Mapping[str, float]
    rolling_rate: RollingRate = RollingRate.HOUR
    captured_headers: frozenset[str] = frozenset()


def given_settings(file: Path | None, environ: Mapping[str, str]) -> CollectionSettings | None:
    """The settings in the file, or in the variable; None when neither is there or no collection is enabled.

    Raises FlowDefinitionError."""
    if file is None:
        text = environ.get(VARIABLE, "").strip()
        return parse_settings(text, where=f"the environment variable {VARIABLE}") if text else None
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise FlowDefinitionError(
            f"the settings of data collection cannot be read: {problem}", file=str(file)
        ) from None
    return parse_settings(text, where=str(file))


def parse_settings(text: str, *, where: str) -> CollectionSettings | None:
    """Read the document. `data_collector` in it is the deployment YAML's block; the rest says who collects and where
    to. `data` and `client_id` of a collection name an asset and an identity for the server and mean nothing here.

    Raises FlowDefinitionError: a misspelt setting must not collect more than was meant."""
    reader = _Reader(where)
    document = reader.mapping(reader.json(text), "the document", _DOCUMENT)
    block = reader.mapping(document.get("data_collector"), "data_collector", _BLOCK)
    rates = _rates(reader, block)
    if not rates:
        return None
    endpoint, deployment, instance = (reader.name(document, key) for key in ("endpoint", "deployment", "instance"))
    return CollectionSettings(
        destination=Path(reader.text(document, "destination")).absolute(),
        endpoint=endpoint,
        deployment=deployment,
        instance=instance,
        model_version=str(document.get("model_version", "default")),
        source=str(document.get("source", f"/onlineEndpoints/{endpoint}/deployments/{deployment}")),
        rates=rates,
        rolling_rate=_rolling_rate(reader, block),
        captured_headers=_captured_headers(reader, block),
    )


def carries_credentials(header: str, value: str) -> bool:
    """Whether a header is never captured, whoever asks for it. header: in lower case."""
    return header in _COOKIES or looks_secret(header, value)


def _rates(reader: _Reader, block: Mapping[str, Any]) -> dict[str, float]:
    general = reader.rate(block, "data_collector", 1.0)
    rates = {}
    for name, given in reader.mapping(block.get("collections", {}), "collections").items():
        collection = reader.mapping(given, f"collections.{name}", _COLLECTION)
        if not _NAME.fullmatch(name):
            raise reader.wrong(f"the collection's name {name!r} must be letters, digits, '.', '_' and '-'")
        rate = reader.rate(collection, f"collections.{name}", general)
        if reader.flag(collection.get("enabled", "False"), f"collections.{name}.enabled"):
            rates[name] = rate
    return rates


def _rolling_rate(reader: _Reader, block: Mapping[str, Any]) -> RollingRate:
    given = str(block.get("rolling_rate", RollingRate.HOUR))
    try:
        return RollingRate(given.lower())
    except ValueError:
        raise reader.wrong(f"rolling_rate is {given!r}; it may be {', '.join(RollingRate)}") from None


def _captured_headers(reader: _Reader, block: Mapping[str, Any]) -> frozenset[str]:
    logging_block = reader.mapping(block.get("request_logging", {}), "request_logging", frozenset({"capture_headers"}))
    given = logging_block.get("capture_headers", [])
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise reader.wrong("request_logging.capture_headers must be a list of header names")
    names = {each.strip().lower() for each in given}
    refused = {name for name in names if carries_credentials(name, "value")}
    if refused:
        log.warning("not captured, since they carry credentials: the headers %s", ", ".join(sorted(refused)))
    return frozenset(names - refused)


class _Reader:
    """Takes values out of the document, and says where a wrong one stands."""

    def __init__(self, where: str) -> None:
        self._where = where

    def wrong(self, problem: str) -> FlowDefinitionError:
        return FlowDefinitionError(f"data collection: {problem}", file=self._where)

    def json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise self.wrong(f"this is not JSON: {problem}") from None

    def mapping(self, value: Any, name: str, known: frozenset[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(f"{name} must be an object")
        unknown = sorted(value.keys() - known) if known is not None else []
        if known is not None and unknown:
            raise self.wrong(f"{name} has {', '.join(unknown)}; it may have {', '.join(sorted(known))}")
        return value

    def text(self, document: Mapping[str, Any], key: str) -> str:
        value = document.get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(f"{key} must be there, as text")
        return value

    def name(self, document: Mapping[str, Any], key: str) -> str:
        value = self.text(document, key)
        if not _NAME.fullmatch(value):
            raise self.wrong(f"{key} is {value!r}; it must be letters, digits, '.', '_' and '-'")
        return value

    def rate(self, block: Mapping[str, Any], name: str, default: float) -> float:
        given = block.get("sampling_rate", default)
        try:
            rate = float(given)
        except (TypeError, ValueError):
            rate = -1.0
        if isinstance(given, bool) or not 0 <= rate <= 1:
            raise self.wrong(f"{name}.sampling_rate is {given!r}; it must be a number from 0 to 1")
        return rate

    def flag(self, value: Any, name: str) -> bool:
        """Azure writes 'True' and 'False', as texts."""
        text = str(value).lower()
        if text not in {"true", "false"}:
            raise self.wrong(f"{name} is {value!r}; it must be 'True' or 'False'")
        return text == "true"
