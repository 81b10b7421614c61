"""A compatibility case: one small flow, requests, and what promptflow's own server answered.

`cases/<group>/<name>.yaml` is written by hand:

    about: the rule that the flow shows
    engine: flask                   # or fastapi; which of promptflow's engines is asked
    files: {flow.dag.yaml: …, say.py: …}
    environment: {NAME: value}
    differs: a line of docs/reference/compatibility.md, when one server starts and the other does not
    requests:
      <name>:
        method: POST                # the default, as is the path /score
        headers: {Accept: text/event-stream}
        json: {text: hello}         # or `text: …` as it is, or `base64: …`
        says: [words]               # for an error that is worded otherwise here: what it has to name all the same
        ignore: [version]           # fields of a JSON answer that do not matter
        differs: {matter: a line of docs/reference/compatibility.md, answer: {status: 405, …}}

`recorded/<group>/<name>.json` is written by `record`. `<flow>` stands for the flow's folder, `<provider>` for the
provider's address, in files, environment, requests and answers alike.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
RECORDED = HERE / "recorded"
CONNECTIONS = HERE / "connections.json"

FLOW, PROVIDER = "<flow>", "<provider>"
REFUSED_KEY = "wrong-openai-key"
"""The provider refuses this one of the connections' keys."""

Answer = dict[str, Any]
"""status, and one of: `json`, `text`, `events` (with `cut: true` when the stream broke off); `type` when it is none of
the usual ones."""


@dataclass(frozen=True)
class Difference:
    """matter: the line of docs/reference/compatibility.md that gives the reason; answer: what is answered here."""

    matter: str
    answer: Answer


@dataclass(frozen=True)
class Request:
    """says: what the message of an error has to contain, None for all of it."""

    name: str
    method: str = "POST"
    path: str = "/score"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    says: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    differs: Difference | None = None


@dataclass(frozen=True)
class Case:
    """name: `group/name`; differs: why only one of the servers starts."""

    name: str
    about: str
    files: Mapping[str, bytes]
    engine: str
    environment: Mapping[str, str]
    requests: tuple[Request, ...]
    differs: str | None

    def write(self, parent: Path, provider: str) -> Path:
        """The flow's folder, made in `parent` and called like the case."""
        folder = parent / self.name.rpartition("/")[2]
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.replace(PROVIDER.encode(), provider.encode()))
        return folder

    def recorded(self) -> dict[str, Any]:
        """What promptflow's server did: `starts`, and `answers` by the names of the requests."""
        path = recording(self.name)
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def recording(name: str) -> Path:
    return RECORDED / f"{name}.json"


def read_cases() -> list[Case]:
    """All of them, by name."""
    return [read_case(path) for path in sorted(CASES.rglob("*.yaml"))]


def read_case(path: Path) -> Case:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Case(
        name=path.relative_to(CASES).with_suffix("").as_posix(),
        about=raw.pop("about"),
        files={name: _content(value) for name, value in raw.pop("files").items()},
        engine=raw.pop("engine", "flask"),
        environment={name: str(value) for name, value in raw.pop("environment", {}).items()},
        requests=tuple(_requests(raw.pop("requests", {}))),
        differs=raw.pop("differs", None),
        **raw,
    )


def accepted_keys() -> list[str]:
    """The keys that the provider knows."""
    connections = json.loads(CONNECTIONS.read_text()).values()
    secrets = [text for each in connections for text in each["value"].values()]
    return [text for text in secrets if text != REFUSED_KEY]


def filled(value: Any, flow: Path, provider: str) -> Any:
    """With the placeholders replaced."""
    return replaced(replaced(value, FLOW, str(flow)), PROVIDER, provider)


def replaced(value: Any, old: str, new: str) -> Any:
    """With each `old` in its texts replaced, however deep."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list):
        return [replaced(each, old, new) for each in value]
    if isinstance(value, Mapping):
        return {replaced(key, old, new): replaced(each, old, new) for key, each in value.items()}
    return value


def _content(value: Any) -> bytes:
    """A file as text, or `{base64: …}`."""
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


def _requests(raw: Mapping[str, Any]) -> Iterator[Request]:
    for name, given in raw.items():
        fields = dict(given or {})
        headers = dict(fields.pop("headers", {}))
        says, differs = fields.pop("says", None), fields.pop("differs", None)
        yield Request(
            name=name,
            body=_body(fields, headers),
            headers=headers,
            says=None if says is None else tuple(says),
            ignore=tuple(fields.pop("ignore", ())),
            differs=None if differs is None else Difference(**differs),
            **fields,
        )


def _body(fields: dict[str, Any], headers: dict[str, str]) -> bytes | None:
    if "json" in fields:
        headers.setdefault("Content-Type", "application/json")
        return json.dumps(fields.pop("json"), ensure_ascii=False).encode()
    if "text" in fields:
        return str(fields.pop("text")).encode()
    if "base64" in fields:
        return base64.b64decode(fields.pop("base64"))
    return None
