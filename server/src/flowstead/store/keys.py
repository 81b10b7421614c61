"""Where the master key comes from: a file of the home, an environment variable, or a command's output."""

from __future__ import annotations

import base64
import binascii
import os
import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from flowstead.errors import HostProblem, ResourceConflict
from flowstead.resources.home import Home
from flowstead.resources.master_key import COMMAND_VARIABLE, KEY_VARIABLE, PREVIOUS_VARIABLE, GivenVariables
from flowstead.resources.private_file import write_private
from flowstead.store.sealing import KEY_BYTES

_COMMAND_WITHIN_S = 60.0
"""How long the command may take, seconds: it asks another machine, or a person at a hardware token."""
_SHOWN_STDERR = 2000
"""How much is told of what the command complained about, characters."""
_OTHER_VARIABLES = (
    f"Put a new key into {KEY_VARIABLE} and the present one into {PREVIOUS_VARIABLE}; start the server again with "
    "both, or leave it ended, then run this again."
)
_MAKE_ONE = "head -c 32 /dev/urandom | base64 makes one."


class KeySource(Protocol):
    """Asked by whoever holds the home's lock. Every method may repeat; all raise HostProblem."""

    @property
    def spoken(self) -> str:
        """Where it is, to people: `the variable FLOWSTEAD_MASTER_KEY`."""

    def wanted(self) -> bytes | None:
        """The key to work with; None when none was made yet."""

    def older(self) -> Sequence[bytes]:
        """Keys with which the database may still have been written."""

    def following(self, in_use: bytes | None) -> bytes:
        """The key to use instead of `in_use`. When this returns, both will be found after any crash. Raises
        ResourceConflict when there is no other one."""

    def settle(self, in_use: bytes) -> None:
        """The database was written with this one: keep no other. Raises OSError."""


def key_source(home: Home, given: GivenVariables, *, moving: bool = False) -> KeySource:
    """The source that the variables choose, the home's file unless they do. moving: the key may come from the file to
    another source now, so the file's keys count as older ones. Raises HostProblem."""
    if given.key and given.command:
        raise HostProblem(
            f"{KEY_VARIABLE} and {COMMAND_VARIABLE} are both set.", hint="Set one of them: there is one master key."
        )
    previous = () if not given.previous else (parse_key(given.previous, f"The variable {PREVIOUS_VARIABLE}"),)
    file = KeyFile(home, previous)
    if not given.key and not given.command:
        return file
    older = (*previous, *(file.kept() if moving else ()))
    if given.command:
        spoken, words = f"the output of the command in {COMMAND_VARIABLE}", given.command
        remedy = "Let the command print a new key, then run this again."
        return GivenKey(lambda: parse_key(_output_of(words), _sentence(spoken)), spoken, remedy, older, file)
    spoken = f"the variable {KEY_VARIABLE}"
    key = parse_key(given.key, _sentence(spoken))
    return GivenKey(lambda: key, spoken, _OTHER_VARIABLES, older, file)


def parse_key(text: str, where: str) -> bytes:
    """where: begins a sentence; the text itself is told nowhere. Raises HostProblem."""
    try:
        key = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise HostProblem(f"{where} is not base64.", hint=f"A master key is base64 of 32 bytes; {_MAKE_ONE}") from None
    if len(key) != KEY_BYTES:
        raise HostProblem(
            f"{where} holds {len(key)} bytes, a master key has {KEY_BYTES}.",
            hint=f"Give base64 of 32 bytes; {_MAKE_ONE}",
        )
    return key


class KeyFile:
    """`keys/master.key`: 32 bytes, made at the first start; while the key is being replaced, 32 more of the next one.
    Which of them counts is written in the database."""

    def __init__(self, home: Home, previous: Sequence[bytes] = ()) -> None:
        """previous: other keys with which the database may have been written."""
        self._path = home.keys / "master.key"
        self._previous = tuple(previous)

    @property
    def spoken(self) -> str:
        return f"the file {self._path}"

    def wanted(self) -> bytes | None:
        return next(iter(self.kept()), None)

    def older(self) -> Sequence[bytes]:
        return (*self.kept()[1:], *self._previous)

    def following(self, in_use: bytes | None) -> bytes:
        made = os.urandom(KEY_BYTES)
        write_private(self._path, (in_use or b"") + made)
        return made

    def settle(self, in_use: bytes) -> None:
        if self.kept() != (in_use,):
            write_private(self._path, in_use)

    def forget(self, in_use: bytes) -> None:
        """The key comes from elsewhere now: the file's keys open nothing any more."""
        if in_use not in self.kept():
            self._path.unlink(missing_ok=True)

    def kept(self) -> tuple[bytes, ...]:
        """The keys in the file, none when there is no file. Raises HostProblem when it holds anything else."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as failure:
            raise HostProblem(f"Cannot read {self._path}: {failure.strerror}.") from None
        if not content or len(content) % KEY_BYTES:
            raise HostProblem(
                f"{self._path} holds {len(content)} bytes, a master key has {KEY_BYTES}.",
                hint="Put the right file back; without it the secrets in the database are lost.",
            )
        return tuple(content[start : start + KEY_BYTES] for start in range(0, len(content), KEY_BYTES))


@dataclass(frozen=True)
class GivenKey:
    """A key that comes from outside of the home. read: asks for it, raises HostProblem. remedy: how there comes to be
    another one, told to who wants to rotate too early. file: where the key came from before, perhaps."""

    read: Callable[[], bytes]
    spoken: str
    remedy: str
    previous: tuple[bytes, ...] = field(default=(), repr=False)
    file: KeyFile | None = None

    def wanted(self) -> bytes | None:
        return self.read()

    def older(self) -> Sequence[bytes]:
        return self.previous

    def following(self, in_use: bytes | None) -> bytes:
        found = self.read()
        if found == in_use:
            raise ResourceConflict(f"The key in {self.spoken} is the one in use.", hint=self.remedy)
        return found

    def settle(self, in_use: bytes) -> None:
        if self.file is not None:
            self.file.forget(in_use)


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def _output_of(command: str) -> str:
    """Raises HostProblem, which tells what the command complained about and never what it printed; nor its arguments,
    which may hold the way into a vault."""
    try:
        words = shlex.split(command)
    except ValueError as failure:
        raise HostProblem(f"{COMMAND_VARIABLE} is no command line: {failure}.", hint="Close its quotes.") from None
    if not words:
        raise HostProblem(f"{COMMAND_VARIABLE} names no command.", hint="Give one whose standard output is the key.")
    named = f"The command {words[0]} for the master key"
    hint = f"Run the command of {COMMAND_VARIABLE} by hand; its standard output shall be base64 of 32 bytes."
    try:
        ended = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_WITHIN_S,
            check=False,
        )
    except OSError as failure:
        raise HostProblem(f"{named} cannot be run: {failure.strerror}.", hint=hint) from None
    except subprocess.TimeoutExpired:
        raise HostProblem(f"{named} has not ended in {_COMMAND_WITHIN_S:.0f} s.", hint=hint) from None
    if ended.returncode:
        complaint = ended.stderr.decode(errors="replace").strip()[-_SHOWN_STDERR:]
        raise HostProblem(f"{named} ended with status {ended.returncode}.", details=complaint, hint=hint)
    return ended.stdout.decode("ascii", errors="replace")
