"""Servers that are started for real, and what they answer."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime.tests.compatibility.cases import FLOW, PROVIDER, Answer, Request, filled, replaced

PATIENCE_S = 60.0
_POLL_S = 0.02
_KEPT_VARIABLES = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "SYSTEMROOT")


class NotStarted(Exception):
    """The server ended before it was healthy. Its text is the end of what it said."""


@contextlib.contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> Iterator[int]:
    """The port of a server that is healthy; `{port}` in the command stands for it. Raises NotStarted."""
    port = _free_port()
    inherited = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            env={**inherited, **environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(server, port, log)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def ask(port: int, request: Request, flow: Path, provider: str) -> Answer:
    """The answer, placeholders put back in."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    body = None
    if request.body is not None:
        body = request.body.replace(FLOW.encode(), str(flow).encode()).replace(PROVIDER.encode(), provider.encode())
    try:
        connection.putrequest(request.method, request.path, skip_accept_encoding=True)
        for name, value in filled(dict(request.headers), flow, provider).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        cut = False
        try:
            content = response.read()
        except http.client.IncompleteRead as broken:
            content, cut = broken.partial, True
        answer = _answer(response.status, response.getheader("Content-Type") or "", content.decode(), cut)
    finally:
        connection.close()
    found: Answer = replaced(replaced(answer, provider, PROVIDER), str(flow), FLOW)
    return found


def _answer(status: int, content_type: str, content: str, cut: bool) -> Answer:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return {"status": status, "events": list(_events(content)), **({"cut": True} if cut else {})}
    if kind == "application/json":
        return {"status": status, "json": json.loads(content)}
    # The words of a page for people are each server's own.
    return {"status": status, "type": kind, **({} if "<html" in content.lower() else {"text": content})}


def _events(content: str) -> Iterator[Any]:
    """The data of the frames; an event of the type `error`, which closes a broken stream here, is left out."""
    for frame in re.split(r"\r?\n\r?\n", content):
        lines = frame.splitlines()
        if any(re.fullmatch(r"event:\s*error", line) for line in lines):
            continue
        data = "\n".join(line.removeprefix("data:").strip() for line in lines if line.startswith("data:"))
        if data:
            yield json.loads(data)


def _wait_until_healthy(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            finally:
                connection.close()
        time.sleep(_POLL_S)
    raise NotStarted("\n".join(log.read_text(errors="replace").splitlines()[-15:]))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
