"""What is wrong with an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from runtime.tests.compatibility.cases import Answer, Request

_SHOWN = 1000


def mistakes(wanted: Answer, given: Answer, request: Request) -> list[str]:
    """A line for each thing that is not as it was recorded; none when all is well."""
    if wanted["status"] != given["status"]:
        return [f"wanted {_shown(wanted)}, got {_shown(given)}"]
    if _is_error(wanted):
        return _mistakes_in_error(wanted["json"]["error"], given, request)
    return list(_differences(_without(wanted, request), _without(given, request), ""))


def _mistakes_in_error(wanted: dict[str, str], given: Answer, request: Request) -> list[str]:
    error = given["json"].get("error") if isinstance(given.get("json"), dict) else None
    if not isinstance(error, dict) or error.get("code") != wanted["code"]:
        return [f"wanted {_shown(wanted)}, got {_shown(given)}"]
    if request.says is None:
        return [] if error["message"] == wanted["message"] else [f"wanted {_shown(wanted)}, got {_shown(error)}"]
    recorded = [each for each in request.says if each not in wanted["message"]]
    missing = [each for each in request.says if each not in error["message"]]
    return [f"the recorded message does not say {each!r}: {_shown(wanted)}" for each in recorded] + [
        f"the message does not say {each!r}: {_shown(error)}" for each in missing
    ]


def _differences(wanted: Any, given: Any, path: str) -> Iterator[str]:
    """A line for each place. Tells 1 from 1.0 and true, and finds NaN equal to itself."""
    if isinstance(wanted, dict) and isinstance(given, dict) and wanted.keys() == given.keys():
        for key in wanted:
            yield from _differences(wanted[key], given[key], f"{path}.{key}")
    elif _exact(wanted) != _exact(given):
        yield f"{path}: wanted {_shown(wanted)}, got {_shown(given)}"


def _is_error(answer: Answer) -> bool:
    content = answer.get("json")
    return answer["status"] >= 400 and isinstance(content, dict) and isinstance(content.get("error"), dict)


def _without(answer: Answer, request: Request) -> Answer:
    if not request.ignore or not isinstance(answer.get("json"), dict):
        return answer
    return {**answer, "json": {key: value for key, value in answer["json"].items() if key not in request.ignore}}


def _exact(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + " …"
