"""A package index that wants a user and a password, with packages of one empty module."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PACKAGES = ("of-the-index", "by-address")


@contextmanager
def serving(user: str, password: str) -> Iterator[str]:
    """`HOST:PORT` of the index; its pages lie under /simple, its wheels under /wheels."""
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.end_headers()
                return
            name = self.path.rstrip("/").rpartition("/")[2]
            body = _wheel(name) if name.endswith(".whl") else _page(name)
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/octet-stream" if name.endswith(".whl") else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def wheel_name(package: str) -> str:
    return f"{package.replace('-', '_')}-1.0-py3-none-any.whl"


def _page(package: str) -> bytes:
    if package not in PACKAGES:
        return b""
    name = wheel_name(package)
    digest = hashlib.sha256(_wheel(name)).hexdigest()
    return f'<!DOCTYPE html><html><body><a href="/wheels/{name}#sha256={digest}">{name}</a></body></html>'.encode()


def _wheel(name: str) -> bytes:
    module = name.partition("-")[0]
    information = f"{module}-1.0.dist-info"
    files = {
        f"{module}.py": "",
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{information}/RECORD"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {**files, f"{information}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return buffer.getvalue()
