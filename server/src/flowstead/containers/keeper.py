"""Keeps one container in the foreground, as the process that a supervisor supervises: whatever it is told the container
is told, and it ends as the container has ended.

    python -I -S keeper.py WANTED

WANTED is JSON and holds nothing secret: `run` and `remove`, command lines; `process`, one that prints the number of its
first process; `relay`, null or whither connections to the inherited sockets 3 and 4 are handed on: [path, path] of Unix
sockets, or a port in the container's own network; `quiet_s`, how long the program behind a port may go on after it was
told to end and nobody is connected any more; `memory`, null or what to do when it was killed for its memory: `ask`, a
command line that says `true` then, and `order`, what to say of it in the file of that `path`, which the supervisor
reads at SIGHUP; `speaks`, whether the container reads the variables from its standard input, else the client has those
of `named` in its environment.

Imports the standard library, and of ours what needs no more. The variables come in one variable of its own: their names
may be such as would change what this process and the engine's client do.
"""

# it shall start soon, and no shell is wanted: pathlib takes its time
# ruff: noqa: PTH100, PTH104, PTH110, PTH112, PTH120, PTH123

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

if __name__ == "__main__":  # where this package is, since -I leaves it out
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from flowstead.limits import groups  # noqa: E402 - the way to it is known only now

VARIABLES = "FLOWSTEAD_CONTAINER_VARIABLES"
_REMOVE_WITHIN_S = 20.0
_ASK_WITHIN_S = 10.0
_ASK_EVERY_S = 0.05
_ENDED_WITHIN_S = 5.0
_SIGNALLED = 128
_MOST_SIGNALS = 64
_SOCKETS = (3, 4)
_NAMESPACES = (("user", 0x10000000), ("net", 0x40000000))
_MEMORY_GROUPS = "/sys/fs/cgroup/memory"
"""Of control groups of version 1."""
_PIECE = 65536
_DESCRIPTORS = 4096


class Keeper:
    """The container's way from its start to its end."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self._wanted = wanted
        self._client: subprocess.Popen[bytes] | None = None
        self._relaying = 0
        self._stopping = False
        self._found_too_little_memory = False

    def run(self) -> int:
        """The exit code of the container's program."""
        signal.signal(signal.SIGTERM, self._stop)
        variables = json.loads(os.environ.pop(VARIABLES, "{}"))
        self._remove()  # what a keeper before, that was killed, has left
        if self._stopping:
            return 0
        client = self._client = self._start(variables)
        if self._stopping:
            client.terminate()
        if self._wanted["memory"] and os.path.isdir(_MEMORY_GROUPS):
            threading.Thread(target=self._watch_memory, args=(client,), daemon=True).start()
        self._relaying = self._relay(client)
        if self._relaying and isinstance(self._wanted["relay"], int):
            threading.Thread(target=self._end_the_deaf, args=(client,), daemon=True).start()
            if self._stopping:
                os.kill(self._relaying, signal.SIGTERM)
        code = client.wait()
        if self._relaying:
            os.kill(self._relaying, signal.SIGKILL)
        out_of_memory = code == _SIGNALLED + signal.SIGKILL and self._was_killed_for_memory()
        self._remove()
        if out_of_memory:
            self._tell_of_memory()
        return code

    def _start(self, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        speaks = self._wanted["speaks"]
        named = {name: variables[name] for name in self._wanted["named"]}
        client = subprocess.Popen(
            self._wanted["run"],
            env={**os.environ, **named},
            stdin=subprocess.PIPE if speaks else subprocess.DEVNULL,
            pass_fds=() if self._wanted["relay"] else _SOCKETS,
        )
        if speaks:
            text = json.dumps(variables).encode()
            threading.Thread(target=_say, args=(client, text), daemon=True).start()
        return client

    def _relay(self, client: subprocess.Popen[bytes]) -> int:
        """The process that hands connections on, 0 for none."""
        way = self._wanted["relay"]
        if way is None:
            return 0
        network = 0 if isinstance(way, list) else self._first_process(client)
        if not network and not isinstance(way, list):
            return 0
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid = os.fork()
        if pid == 0:
            _hand_on(way, network, self._wanted["quiet_s"])
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid

    def _end_the_deaf(self, client: subprocess.Popen[bytes]) -> None:
        """A container's first process hears no SIGTERM unless it has asked for it, and many never do. The relay ends
        well when it was told to end and nobody has been connected for long."""
        ended = os.waitid(os.P_PID, self._relaying, os.WEXITED | os.WNOWAIT)  # its number stays taken
        if ended is not None and ended.si_status == 0 and client.poll() is None:
            self._remove()

    def _first_process(self, client: subprocess.Popen[bytes]) -> int:
        """Once the container has one; 0 when it has ended before."""
        while client.poll() is None:
            said = _said(self._wanted["process"], _ASK_WITHIN_S)
            if said.isdigit() and int(said):
                return int(said)
            time.sleep(_ASK_EVERY_S)
        return 0

    def _stop(self, number: int, _frame: object) -> None:
        self._stopping = True
        if self._client is not None and self._client.poll() is None:
            self._client.send_signal(number)  # which the client hands on
        if self._relaying:
            os.kill(self._relaying, number)

    def _watch_memory(self, client: subprocess.Popen[bytes]) -> None:
        """Under version 1 not every engine knows, and when the container has ended its group is gone."""
        file = _memory_control_of(self._first_process(client))
        notices = groups.notices(file)
        while notices is not None:
            select.select([notices], [], [])
            os.read(notices, 8)
            if not os.path.exists(file):  # that it goes is told in the same way
                return
            self._found_too_little_memory = True

    def _was_killed_for_memory(self) -> bool:
        memory = self._wanted["memory"]
        if memory is None:
            return False
        return self._found_too_little_memory or _said(memory["ask"], _ASK_WITHIN_S) == "true"

    def _tell_of_memory(self) -> None:
        """The supervisor ends us for it, and says why."""
        path, order = self._wanted["memory"]["path"], self._wanted["memory"]["order"]
        with contextlib.suppress(OSError):
            with open(f"{path}.new", "w", encoding="utf-8") as file:
                json.dump({"pid": os.getpid(), **order}, file)
            os.rename(f"{path}.new", path)
            os.kill(os.getppid(), signal.SIGHUP)
            time.sleep(_ENDED_WITHIN_S)

    def _remove(self) -> None:
        _said(self._wanted["remove"], _REMOVE_WITHIN_S)


def _memory_control_of(pid: int) -> str:
    """ "" when it has no group of its own."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return ""
    paths = [path for _, controllers, path in lines if "memory" in controllers.split(",")]
    return f"{_MEMORY_GROUPS}{paths[0]}/memory.oom_control" if paths and paths[0] != "/" else ""


def _say(client: subprocess.Popen[bytes], text: bytes) -> None:
    assert client.stdin is not None  # noqa: S101 asked for
    with contextlib.suppress(OSError):
        client.stdin.write(text)
        client.stdin.close()


def _said(argv: list[str], within_s: float) -> str:
    try:
        ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=within_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.decode("utf-8", "replace").strip()


def _hand_on(way: list[str] | int, network: int, quiet_s: float) -> NoReturn:
    """In a process of its own, which lives in the container's network. network: a process of the container. SIGTERM is
    blocked."""
    os.closerange(_SOCKETS[-1] + 1, _DESCRIPTORS)  # the client's standard input among them, which must end
    try:
        if network:
            _enter_network_of(network)
        asyncio.run(_Relay(way).serve(quiet_s))
    except BaseException as failure:
        print(f"[keeper] The container cannot be reached: {failure}.", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def _enter_network_of(pid: int) -> None:
    """Through the container's users when they are not the host's: their owner may do in them what root may. Raises
    OSError."""
    places = {name: os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name, _ in _NAMESPACES}
    libc = ctypes.CDLL(None, use_errno=True)
    for name, kind in _NAMESPACES:
        same = os.path.samestat(os.fstat(places[name]), os.stat(f"/proc/self/ns/{name}"))  # noqa: PTH116
        if not same and libc.setns(places[name], kind) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


class _Relay:
    """Hands connections on. way: as `relay` of what is wanted."""

    def __init__(self, way: list[str] | int) -> None:
        self._way = way
        self._callers = 0

    async def serve(self, quiet_s: float) -> None:
        """Until it is told to end and nobody has been connected for so long; for ever where the program is known to
        hear by itself that it shall end: connections end with it."""
        told = asyncio.Event()
        if isinstance(self._way, int):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        ways = [asyncio.create_task(each) for each in (self._accept(), self._nobody_asks(told, quiet_s))]
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()

    async def _accept(self) -> None:
        """Once the program listens at its port: until then who comes waits in the sockets."""
        if isinstance(self._way, int):
            await self._until_it_listens()
        for place, number in enumerate(_SOCKETS):
            listening = socket.socket(fileno=number)

            async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: int = place) -> None:
                self._callers += place == 0
                try:
                    await self._connect(place, reader, writer)
                finally:
                    self._callers -= place == 0

            await asyncio.start_unix_server(accepted, sock=listening)
        await asyncio.Event().wait()

    async def _nobody_asks(self, told: asyncio.Event, quiet_s: float) -> None:
        await told.wait()
        loop = asyncio.get_running_loop()
        since = loop.time()
        while loop.time() - since < quiet_s:
            await asyncio.sleep(_ASK_EVERY_S)
            since = loop.time() if self._callers else since

    async def _until_it_listens(self) -> None:
        while True:
            try:
                _, writer = await self._reach(0)
            except OSError:
                await asyncio.sleep(_ASK_EVERY_S)
            else:
                writer.close()
                return

    async def _connect(self, place: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand one connection on, to its end; one that nobody takes is ended, so that it can go elsewhere."""
        try:
            there = await self._reach(place)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))
        for each in (writer, there[1]):
            each.close()

    async def _reach(self, place: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError."""
        if isinstance(self._way, list):
            return await asyncio.open_unix_connection(self._way[place])
        return await asyncio.open_connection("127.0.0.1", self._way)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


def end_like(code: int) -> NoReturn:
    """Of the same cause: a client tells a signal as 128 and more."""
    if _SIGNALLED < code <= _SIGNALLED + _MOST_SIGNALS:
        number = code - _SIGNALLED
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    end_like(Keeper(json.loads(sys.argv[1])).run())
