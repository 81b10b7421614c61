"""Runs uv: which binary, which variables, and what of its words is kept."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from flowstead.environments.requirements_text import redact
from flowstead.environments.room import Room

_LONGEST_S = 1800.0
"""A build that takes longer is taken for hung, seconds. The largest wheels (2–3 GB) need minutes on a slow line."""
_LOOK_EVERY_S = 0.25
"""How soon a running uv is ended when the server goes down, seconds."""

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
    """uv ended with an error. output: its own words, credentials redacted."""

    def __init__(self, output: str) -> None:
        self.output = output
        super().__init__(output)

    @property
    def is_for_want_of_wheels(self) -> bool:
        """A package comes as source alone, which was not to be built."""
        return _SOURCE_IS_OFF.search(self.output) is not None


class BuildCancelled(Exception):
    """The server is going down."""


@dataclass(frozen=True)
class Uv:
    """room: where it runs. log: every line is written there too. secrets: never to be shown. hidden: a path left out of
    messages. held: a descriptor that each command keeps open, so that a lock outlives the server. cancel: set when the
    server goes down."""

    room: Room
    log: TextIO
    secrets: tuple[str, ...] = field(repr=False)
    hidden: Path
    held: int
    cancel: threading.Event

    def run(self, *arguments: str | Path) -> str:
        """Run one command of uv to its end. Returns what it said. Raises UvFailed and BuildCancelled."""
        return self.execute(self.room.uv, *arguments)

    def execute(self, *program: str | Path) -> str:
        """The same for any program."""
        variables = self.room.variables(build_variables(os.environ, self.room.cache))
        # From `/` no pyproject.toml or uv.toml of a directory above can have a say in the build.
        process = subprocess.Popen(
            self.room.command(list(map(str, program)), variables),
            cwd="/",
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(self.held,),
            start_new_session=True,
        )
        output = self._follow(process)
        status = process.wait()
        if self.cancel.is_set():
            raise BuildCancelled
        if status != 0:
            raise UvFailed(output or f"{Path(program[0]).name} ended with status {status} and said nothing.")
        return output

    def _follow(self, process: subprocess.Popen[bytes]) -> str:
        """Pass its words on as they come; end it when it takes too long or the server is going down."""
        assert process.stdout is not None  # noqa: S101 it was asked for above
        deadline = time.monotonic() + _LONGEST_S
        said, rest, ended = "", b"", False
        with process.stdout as pipe, selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                if not ended and (self.cancel.is_set() or time.monotonic() > deadline):
                    os.killpg(process.pid, signal.SIGKILL)
                    ended = True
                if not selector.select(timeout=_LOOK_EVERY_S):
                    continue
                chunk = os.read(pipe.fileno(), 65536)
                *lines, rest = (rest + (chunk or b"\n")).split(b"\n")
                said += self._keep(lines)
                if not chunk:
                    return said.strip()

    def _keep(self, lines: Sequence[bytes]) -> str:
        text = "".join(line.decode("utf-8", "replace") + "\n" for line in lines if line.strip())
        shown = redact(text.replace(f"{self.hidden}/", ""), self.secrets)
        self.log.write(shown)
        self.log.flush()
        return shown


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
