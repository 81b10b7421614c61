"""Where a secret could lie in clear: files, answers, processes, Envoy. Each search tells what it found, and where."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.installation import WORKSPACE
from tests.planted_secrets import Planted

_EVENTS, _FOLLOWED = "/events", "/followLogs"
"""Answers that go on for as long as somebody listens."""
_LISTENING_S = 1.0
"""Within which a log that is followed has told what there was."""
_ENOUGH_EVENTS = 100
_PARAMETER = re.compile(r"\{(\w+)\}")
_ADMIN = (
    "/config_dump",
    "/clusters?format=json",
    "/stats",
    "/listeners",
    "/certs",
    "/server_info",
    "/runtime",
    "/init_dump",
    "/memory",
    "/ready",
)

OWN = ("credentials.json", "keys/", "tls/")
"""What the home itself keeps in clear: the owner's credentials and the keys, each for this user alone."""
ROUTES = "gateway/rds.json"
"""Envoy's route file, whose filter needs the keys of endpoints."""
CONTENT = ("uploads/", "models/", "flows/", "flow-sources/")
"""What users have uploaded or have collected, and what was read from it."""


def in_files(planted: Planted, root: Path, *, since: float = 0.0) -> Iterator[str]:
    """Below a folder, in files changed after `since`. Secrets that stand in uploaded content may stand there."""
    for path in root.rglob("*"):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or max(status.st_ctime, status.st_mtime) < since:
            continue
        name = path.relative_to(root).as_posix()
        found = set(planted.found_in(path.read_bytes())) | set(planted.found_in(name.encode()))
        if name.startswith(CONTENT):
            found -= planted.content
        if found and (name.startswith(OWN) or name.endswith(ROUTES)):
            assert _is_private(path), f"{name} can be read by others"
            continue
        yield from (f"{each}: file {name}" for each in found)


def in_answers(planted: Planted, api: httpx.Client, known: Mapping[str, list[str]]) -> Iterator[str]:
    """The answer of every GET of the served document, for all known names. api: at the root. known: parameter →
    values."""
    document = api.get("/openapi.json").json()
    paths = [path for path, operations in document["paths"].items() if "get" in operations]
    assert len(paths) > 50
    for path in (each for each in paths if not each.endswith(_EVENTS)):
        for filled in _filled(path, known):
            said = _followed(api, filled) if path.endswith(_FOLLOWED) else _answered(api, filled)
            yield from (f"{each}: GET {filled}" for each in planted.found_in(said))


def _answered(api: httpx.Client, path: str) -> bytes:
    answer = api.get(path)
    return answer.content + json.dumps(dict(answer.headers)).encode()


def _followed(api: httpx.Client, path: str) -> bytes:
    said, until = b"", time.monotonic() + _LISTENING_S
    with contextlib.suppress(httpx.ReadTimeout), api.stream("GET", path, timeout=_LISTENING_S) as answer:
        for chunk in answer.iter_raw():
            said += chunk
            if time.monotonic() > until:
                break
    return said


def in_events(planted: Planted, api: httpx.Client) -> Iterator[str]:
    """All that has happened, as those hear of it who follow."""
    said = b""
    with api.stream("GET", f"{WORKSPACE}{_EVENTS}", headers={"Last-Event-ID": "1"}) as answer:
        for chunk in answer.iter_raw():
            said += chunk
            if said.count(b"event: ") >= _ENOUGH_EVENTS:
                break
    yield from (f"{each}: an event" for each in planted.found_in(said))


def in_processes(planted: Planted, instances: Iterable[int]) -> Iterator[str]:
    """Command lines of all processes, and environments but for those of instances, which get what their deployments
    give them."""
    spared = set(instances)
    for process in psutil.process_iter():
        try:
            words, variables = process.cmdline(), {} if process.pid in spared else process.environ()
        except psutil.Error:
            continue
        for place, said in (("command line", words), ("environment", [f"{k}={v}" for k, v in variables.items()])):
            found = planted.found_in("\0".join(said).encode(errors="surrogateescape"))
            yield from (f"{each}: {place} of {process.pid} ({' '.join(words)[:80]})" for each in found)


def core_dumps(processes: Iterable[psutil.Process]) -> Iterator[str]:
    """Whose memory would be written to disk if it crashed."""
    for process in processes:
        try:
            allowed = process.rlimit(psutil.RLIMIT_CORE)[0]
        except psutil.Error:
            continue
        if allowed:
            yield f"the memory of {process.pid}: core dump of {allowed} bytes"


def in_envoy(planted: Planted, admin_socket: Path) -> Iterator[str]:
    """What its admin interface answers."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(admin_socket)), base_url="http://admin") as admin:
        for path in _ADMIN:
            try:
                answer = admin.get(path)
            except httpx.HTTPError as e:
                yield f"DIED at {path} {e}"
                import time

                time.sleep(3)
                continue
            assert answer.status_code == 200, path
            yield from (f"{each}: Envoy's {path}" for each in planted.found_in(answer.content))


def known_names(api: httpx.Client, tenant: str) -> dict[str, list[str]]:
    """The parameters of GET routes, with the values that lead somewhere."""

    def all_of(kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api.get(f"{WORKSPACE}/{kind}").json()["value"]
        return found

    def names(*kinds: str) -> list[str]:
        return [str(each["name"]) for kind in kinds for each in all_of(kind)]

    site = WORKSPACE.split("/")
    operations = {str(each["properties"].get("operationId", "")) for each in all_of("auditRecords")} - {""}
    return {
        "subscription": [site[2]],
        "below": [site[2]],
        "group": [site[4]],
        "workspace": [site[8]],
        "tenant": [tenant],
        "location": ["local"],
        "endpoint": names("onlineEndpoints"),
        "deployment": ["blue"],
        "connection": names("connections"),
        "flow": names("flows"),
        "name": names("environments", "models", "codes", "data"),
        "version": ["1"],
        "datastore": names("datastores"),
        "record": names("auditRecords"),
        "operation": sorted(operations),
    }


def _filled(path: str, known: Mapping[str, list[str]]) -> Iterator[str]:
    parameters = _PARAMETER.findall(path)
    for values in itertools.product(*(known.get(each) or ["unknown"] for each in parameters)):
        filled = dict(zip(parameters, values, strict=True))
        yield _PARAMETER.sub(lambda match, filled=filled: filled[match[1]], path)  # type: ignore[misc]


def _is_private(path: Path) -> bool:
    return not path.stat().st_mode & 0o077 and not path.parent.stat().st_mode & 0o077
