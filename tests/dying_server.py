"""An installation whose server dies at the points that are asked for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from flowstead.launch.lock import find_holder
from flowstead.resources.home import Home
from tests.installation import Installation, eventually, free_port

DYING = Path(__file__).parent / "faults" / "dying"
COMES_WITHIN_S = 40
ENDS_WITHIN_S = 15
"""After the last start of the server. An operation that is not taken up again would never end."""


class Hold:
    """While it lasts, a port of this machine takes connections: all that an instance can see of the world outside."""

    def __init__(self) -> None:
        self.port = free_port()
        self._listener: socket.socket | None = None

    def begin(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._take, args=(self._listener,), daemon=True).start()

    def end(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
            self._listener.close()
            self._listener = None

    @staticmethod
    def _take(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                listener.accept()[0].close()


class Dying:
    """hold: what flows can wait for at their start."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.flowstead = installation
        self.hold = Hold()
        self._point = folder / "die-at"
        self.kills = 0

    def up(self, *, check: bool = True) -> None:
        """check: it comes up. One that is to die at once may do so before it has."""
        installation = self.flowstead
        variables: dict[str, Any] = {"PYTHONPATH": str(DYING), "FLOWSTEAD_TEST_DIE_AT": str(self._point)}
        ports = ("--port", str(installation.port), "--tls-port", str(installation.tls_port))
        done = installation.run("up", "--detach", *ports, check=check, **variables)
        died = done.returncode != 0 and not self._point.exists()
        assert done.returncode == 0 or died, f"it did not come up, nor to its end:\n{done.stdout}{done.stderr}"

    def ends(
        self, method: str, path: str, body: Any, points: Sequence[str], *, status: str = "Succeeded"
    ) -> dict[str, Any]:
        """Send the request, have the server die at each of these points in turn, start it again; then the operation
        has ended so. Returns how."""
        self._ask_for(points)
        answer = self.flowstead.api(method, path, body)
        assert answer.status_code in (200, 201, 202), answer.text
        for died in range(1, len(points) + 1):
            self._wait_for_death()
            self._ask_for(points[died:])
            self.up(check=died == len(points))
        began = time.monotonic()
        ended = eventually("the operation ends", lambda: self._ended(answer), within=ENDS_WITHIN_S)
        print(f"{method} {path}: {len(points)} kills, ended {time.monotonic() - began:.2f} s after the last start")
        assert ended["status"] == status, ended
        return dict(ended)

    def dies_in(self, point: str, request: Callable[[], Any]) -> None:
        """The server dies at that point of what the request asks for, and is started again."""
        self._point.write_text(point)
        try:
            answer = request()
            assert answer.status_code == 503, (answer.status_code, answer.text)
        except httpx.HTTPError:
            pass  # the answer was cut off
        self._wait_for_death()
        self.up()

    def dies_starting(self, point: str) -> None:
        """A server that is started now dies at that point. There is none."""
        self._point.write_text(point)
        self.up(check=False)
        self._wait_for_death()

    def _wait_for_death(self) -> None:
        asked = self._point.read_text() if self._point.exists() else "its end"
        try:
            eventually(f"the server comes to {asked}", lambda: not self._point.exists(), within=COMES_WITHIN_S)
        except AssertionError as late:
            log = (self.flowstead.home / "logs" / "server.log").read_text().splitlines()[-30:]
            raise AssertionError("\n".join([f"{late}; the server said:", *log])) from None
        eventually("the server is dead", lambda: find_holder(Home(self.flowstead.home)) is None)
        self.kills += 1

    def _ask_for(self, points: Sequence[str]) -> None:
        """The next of them. New instances are held until the server has died while it waited for them, but where old
        ones are to be stopped before, for whom they must be ready."""
        told = next((each for each in points if "InstancesReady" in each or "StopInstance" in each), "")
        if "InstancesReady" in told:
            self.hold.begin()
        else:
            self.hold.end()
        if points:
            self._point.write_text(points[0])

    def _ended(self, answer: httpx.Response) -> dict[str, Any] | None:
        url = httpx.URL(answer.headers["Azure-AsyncOperation"])
        headers = {"Authorization": answer.request.headers["Authorization"]}
        polled = httpx.get(f"{self.flowstead.url}{url.raw_path.decode()}", headers=headers, timeout=30)
        status: dict[str, Any] = polled.json()
        running = status["status"] == "InProgress"
        assert polled.headers.get("Retry-After") == ("1" if running else None)
        return None if running else status


def assert_nothing_is_left(flowstead: Installation, endpoint: str) -> None:
    """Of an endpoint that was deleted: no process, run directory, socket, log, route or key."""
    home = Home.at(flowstead.home)
    eventually("its processes are gone", lambda: flowstead.instance_pids(endpoint) == [])
    eventually("its run directories are gone", lambda: not _names(home.instances_run))
    eventually("its logs are gone", lambda: not (home.logs / "endpoints" / endpoint).exists())
    eventually(
        "its routes and keys are gone",
        lambda: not [file for file in home.gateway_run.rglob("*.json") if f'"{endpoint}' in file.read_text()],
    )


def assert_no_drafts_are_left(flowstead: Installation) -> None:
    """Environments are whole, and nothing is left of what a server that died was taking in, copying or building."""
    home = Home.at(flowstead.home)
    assert [each for each in home.environments.glob("[!.]*") if not (each / ".ready").is_file()] == []
    assert list(home.environments.glob("*/.work-*")) == []
    assert list((home.uploads / ".incoming").glob("*")) == []
    assert list(home.models.glob(".incoming-*")) == []


def _names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
