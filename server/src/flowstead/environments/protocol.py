"""What the reconciler asks for when a flow needs packages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from flowstead.environments.garbage import UnusedEnvironment
from flowstead.resources.environment import BaseEnvironment


@dataclass(frozen=True)
class EnvironmentRequest:
    """requirements: the flow's requirements.txt with its `-r` includes resolved inside the flow, "" for none. base:
    the lines of the environment that the deployment names, which come before them; python: the versions that it asks
    for, as PEP 440 has it, "" for the server's own. image: a container image to start from, or context and dockerfile,
    the hash and the file of its build context; as_it_is: nothing is installed in it."""

    requirements: str = field(default="", repr=False)
    base: str = field(default="", repr=False)
    python: str = ""
    image: str = ""
    context: str = ""
    dockerfile: str = ""
    as_it_is: bool = False

    @classmethod
    def of(cls, base: BaseEnvironment, requirements: str = "") -> EnvironmentRequest:
        """What a deployment from that environment needs. requirements: of its flow."""
        as_it_is = base.inference is not None
        return cls(
            requirements="" if as_it_is else requirements,
            base="" if as_it_is else base.requirements,
            python="" if base.needs_engine else base.python,
            image=base.image,
            context=base.context_hash,
            dockerfile=base.dockerfile,
            as_it_is=as_it_is,
        )

    @property
    def needs_engine(self) -> bool:
        return bool(self.image or self.context)


@dataclass(frozen=True)
class Building:
    """log: where the builder writes while it works."""

    log: Path


@dataclass(frozen=True)
class Built:
    """python: the interpreter inside the environment, of an image the file that tells of it. log: what was said while
    it was built, if that is kept. image: the tag of the image, "" for none."""

    python: Path
    log: Path | None = None
    image: str = ""


@dataclass(frozen=True)
class BuildFailed:
    """message: what failed in one line; output: the resolver's own words, credentials redacted. log: all that was
    said, if that is kept. next_step: "" when it is to mend a line of requirements."""

    message: str
    output: str
    log: Path | None = None
    next_step: str = ""


EnvironmentState = Building | Built | BuildFailed


class Environments(Protocol):
    def key(self, request: EnvironmentRequest) -> str:
        """Content address: Python version, runtime's content, requirements."""

    def ensure(self, request: EnvironmentRequest, *, retry_failed: bool = False) -> EnvironmentState:
        """Its state now; starts building in the background when it is not there. Never waits.
        To be asked again and again while it is wanted: a build that nobody asks for any more is ended.
        retry_failed: build again although the last build failed (a new deployment was asked for)."""

    def look(self, request: EnvironmentRequest) -> EnvironmentState | None:
        """Its state now, None when nobody has built it. Starts nothing, and nobody wants it because of that."""


@runtime_checkable
class RemovesUnused(Protocol):
    """What environments on a disk can do besides. An environment is in use when it was asked for since the server
    started: the reconciler asks for those of all deployments at every look."""

    def unused(
        self, *, older_than: datetime, besides: Collection[Path], wanted: Iterable[EnvironmentRequest] = ()
    ) -> Sequence[UnusedEnvironment]:
        """What `remove_unused` would remove now. older_than: later ones stay. besides: interpreters that
        instances run by; theirs stay too, though a newer runtime would have another. wanted: what may be
        asked for again; nobody builds it because of that."""

    def remove_unused(
        self, *, older_than: datetime, besides: Collection[Path], wanted: Iterable[EnvironmentRequest] = ()
    ) -> Sequence[UnusedEnvironment]:
        """Remove what is not in use, and say what it was."""
