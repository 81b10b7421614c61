"""The management API over a scratch home, served over HTTP as the server serves it, with nobody reconciling."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from flowstead.environments.protocol import Environments
from flowstead.resources.clock import Clock
from flowstead.resources.settings import ServerSettings
from flowstead.testing.in_process_api import InProcessApi

_WITHIN_S = 30.0


class ServedApi(InProcessApi):
    """`url` is where it listens while the block runs. `call` goes past the socket, as ever."""

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock | None = None,
        environments: Environments | None = None,
        flow_directory: str = "",
    ) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        settings = ServerSettings(public_url=self.url, flow_directory=flow_directory)
        super().__init__(root, clock=clock, settings=settings, environments=environments)
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_config=None, access_log=False))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.app.state.context.feed.close()
        self._server.should_exit = True
        self._thread.join(_WITHIN_S)
        self._listener.close()
        super().__exit__(kind, error, trace)
