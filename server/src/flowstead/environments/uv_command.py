"""Runs uv: which binary, which variables, and what of its words is kept."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from flowstead.environments import reaper
from flowstead.environments.requirements_text import redact
from flowstead.environments.room import Room
from flowstead.environments.slots import LOOK_EVERY_S, BuildCancelled

_LONGEST_S = 1800.0
"""A build that takes longer is taken for hung, seconds. The largest wheels (2–3 GB) need minutes on a slow line."""
_REAPER = (sys.executable, "-I", "-S", "-B", reaper.__file__)
_REAPED_S = 5.0
"""How long it may take to end what a command has started, seconds."""
_PIPE_CLOSED_S = 0.02
"""How often to look whether a command that has closed its output has ended, seconds. Most end at once."""
_LONGEST_LINE = 65536
_LONGEST_OUTPUT = 262_144
"""Characters of a command's words that are kept; the cause of a failure stands at their end."""
_LONGEST_LOG = 8 * 1024 * 1024
_LAST_READS = 32
"""A pipe holds less than that many chunks; whoever writes on after the end is not listened to."""

_KEPT = frozenset(
    {
        *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CLIENT_CERT", "NETRC"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSH_AUTH_SOCK", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
    }
)
"""What a build gets of the server's environment besides uv's and pip's own settings: the way to the indexes."""

_OURS_TO_SAY = frozenset(
    {
        *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES", "UV_PROJECT_ENVIRONMENT", "UV_PROJECT"),
        *("UV_WORKING_DIRECTORY", "UV_WORKING_DIR", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_BUILD_CONSTRAINT"),
        *("UV_REQUIRE_HASHES", "UV_NO_VERIFY_HASHES", "UV_COMPILE_BYTECODE", "UV_ENV_FILE", "UV_RUN_RECURSION_DEPTH"),
        *(
            "UV_CACHE_DIR",
            "UV_LINK_MODE",
            "UV_NO_CACHE",
            "UV_VENV_SEED",
            "UV_VENV_CLEAR",
            "UV_INTERNAL__PARENT_INTERPRETER",
        ),
    }
)
"""Settings of uv that would change what is built or where, rather than where packages come from."""

_FROM_PIP = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "PIP_FIND_LINKS": ("UV_FIND_LINKS",),
    "PIP_CERT": ("SSL_CERT_FILE",),
    "PIP_TRUSTED_HOST": ("UV_INSECURE_HOST",),
}
"""pip's index settings → uv's, of which the first is set unless one of them is there. uv reads none of pip's."""


_SOURCE_IS_OFF = re.compile(r"building (from source|source distributions)[\w\s`.-]* is disabled", re.I)
"""In uv's own words."""


class UvFailed(Exception):
    """uv, or another builder, ended with an error. output: its own words, credentials redacted."""

    def __init__(self, output: str) -> None:
        self.output = output
        super().__init__(output)

    @property
    def is_for_want_of_wheels(self) -> bool:
        """A package comes as source alone, which was not to be built."""
        return _SOURCE_IS_OFF.search(self.output) is not None


@dataclass(frozen=True, kw_only=True)
class Builder:
    """log: every line is written there too. secrets: never to be shown. hidden: a path left out of messages. held: a
    descriptor that each command keeps open, so that a lock outlives the server. is_wanted: asked again and again while
    a command runs. leaves_nothing: what a command starts may live in sessions of its own, and ends with it all the
    same."""

    log: TextIO
    secrets: tuple[str, ...] = field(repr=False)
    hidden: Path
    held: int
    is_wanted: Callable[[], bool]
    leaves_nothing: bool = False

    def follow(self, argv: Sequence[str], variables: Mapping[str, str]) -> str:
        """Run one command to its end. Returns what it said. Raises UvFailed and BuildCancelled."""
        # From `/` no pyproject.toml or uv.toml of a directory above can have a say in the build.
        process = subprocess.Popen(
            (*_REAPER, *argv) if self.leaves_nothing else argv,
            cwd="/",
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(self.held,),
            start_new_session=True,
        )
        try:
            output = self._follow(process)
        finally:
            if self.leaves_nothing:
                _reap(process)
            # Also whoever uv has left behind, where no process namespace has ended them with it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        if status != 0:
            raise UvFailed(output or f"{Path(argv[0]).name} ended with status {status} and said nothing.")
        return output

    def _follow(self, process: subprocess.Popen[bytes]) -> str:
        """Pass its words on as they come, until it ends or has taken too long. Raises BuildCancelled."""
        assert process.stdout is not None  # noqa: S101 it was asked for above
        deadline = time.monotonic() + _LONGEST_S
        words, speaks = _Words(self._keep), True
        with process.stdout as pipe, selectors.DefaultSelector() as selector:
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ)
            # The end of the process counts, not that of the pipe, which the children of a build may hold as well.
            while not _has_ended(process) and time.monotonic() < deadline:
                if not self.is_wanted():
                    raise BuildCancelled
                if not speaks:
                    time.sleep(_PIPE_CLOSED_S)
                elif selector.select(timeout=LOOK_EVERY_S):
                    speaks = words.read(pipe.fileno())
            for _ in range(_LAST_READS):
                if not words.read(pipe.fileno()):
                    break
        return words.end()

    def _keep(self, lines: Sequence[bytes]) -> str:
        text = "".join(line.decode("utf-8", "replace") + "\n" for line in lines if line.strip())
        shown = redact(text.replace(f"{self.hidden}/", ""), self.secrets)
        if self.log.tell() < _LONGEST_LOG:
            self.log.write(shown)
            self.log.flush()
        return shown


@dataclass(frozen=True, kw_only=True)
class Uv(Builder):
    """room: where it runs."""

    room: Room

    def run(self, *arguments: str | Path) -> str:
        """Run one command of uv to its end. Returns what it said. Raises UvFailed and BuildCancelled."""
        return self.execute(self.room.uv, *arguments)

    def execute(self, *program: str | Path) -> str:
        """The same for any program."""
        variables = self.room.variables(build_variables(os.environ, self.room.cache))
        return self.follow(self.room.command(list(map(str, program)), variables), variables)


class _Words:
    """What a command says, line by line: a secret is known by its line only. keep: returns what of the lines may be
    shown."""

    def __init__(self, keep: Callable[[Sequence[bytes]], str]) -> None:
        self._keep = keep
        self._said, self._rest = "", b""
        self._in_long_line = False

    def read(self, descriptor: int) -> bool:
        """False when there is nothing to read."""
        try:
            chunk = os.read(descriptor, _LONGEST_LINE)
        except BlockingIOError:
            return False
        *lines, rest = (self._rest + chunk).split(b"\n")
        if self._in_long_line and lines:
            lines[0], self._in_long_line = b"", False
        if self._in_long_line or len(rest) > _LONGEST_LINE:
            if not self._in_long_line:
                lines.append(b"(A line that is too long to be kept was here.)")
            rest, self._in_long_line = b"", True
        self._rest = rest
        self._said = (self._said + self._keep(lines))[-_LONGEST_OUTPUT:]
        return bool(chunk)

    def end(self) -> str:
        return (self._said + self._keep([self._rest]))[-_LONGEST_OUTPUT:].strip()


def _reap(process: subprocess.Popen[bytes]) -> None:
    if _has_ended(process):
        return
    process.terminate()
    give_up_at = time.monotonic() + _REAPED_S
    while not _has_ended(process) and time.monotonic() < give_up_at:
        time.sleep(LOOK_EVERY_S)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Its exit code is not fetched yet where that can be had: until then its number is nobody else's."""
    if sys.platform == "darwin":
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def build_variables(host: Mapping[str, str], cache: Path) -> dict[str, str]:
    """The environment of a build: the host's way to its indexes, and nothing else of the server's."""
    variables = {
        name: value
        for name, value in host.items()
        if name in _KEPT or (name.startswith("UV_") and name not in _OURS_TO_SAY)
    }
    for name, theirs in _FROM_PIP.items():
        if host.get(name) and not any(each in variables for each in theirs):
            variables[theirs[0]] = _in_uv_spelling(theirs[0], host[name])
    return variables | {
        "UV_CACHE_DIR": str(cache),
        # Hard links would let one environment change the packages of another.
        "UV_LINK_MODE": "copy",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
    }


def _in_uv_spelling(name: str, value: str) -> str:
    """pip separates links by spaces, uv by commas; index addresses and hosts are separated by spaces in both."""
    return ",".join(value.split()) if name == "UV_FIND_LINKS" else value


def words_of(values: Sequence[str], option: str) -> list[str]:
    """`option` before each value, as an argument list."""
    return [word for value in values for word in (option, value)]
