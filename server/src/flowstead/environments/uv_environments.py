"""Environments built by uv, kept under `Home.environments / key`."""

from __future__ import annotations

import hashlib
import logging
import platform
import threading
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from pathlib import Path

from flowstead.confine.abilities import Abilities
from flowstead.environments import garbage, runtime_wheel
from flowstead.environments.build import Place, build
from flowstead.environments.engine_build import Images, build_image
from flowstead.environments.garbage import UnusedEnvironment
from flowstead.environments.interpreters import Interpreter, Interpreters
from flowstead.environments.protocol import BuildFailed, Building, EnvironmentRequest, EnvironmentState
from flowstead.environments.room import remove
from flowstead.environments.sealing import size_of
from flowstead.environments.slots import BuildCancelled, Builders
from flowstead.errors import BadArgument
from flowstead.resources.clock import Clock, SystemClock
from flowstead.resources.home import Home
from flowstead.resources.runtime_images import NO_ENGINE_HINT

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 256
"""Builds that are begun, nearly all of which wait for a slot; a thread each."""

FORGOTTEN_AFTER_S = 30.0
"""A build that nobody has asked for in this time is ended, seconds. The reconciler asks each second; a look at very
many deployments, or one that waits for a disk, may take longer."""


class UvEnvironments:
    """Keeps the protocol `Environments`. Safe to use from several threads. A build that was
    cut off is begun anew when it is asked for again."""

    def __init__(
        self,
        home: Home,
        *,
        interpreters: Interpreters | None = None,
        abilities: Abilities | None = None,
        clock: Clock | None = None,
        images: Images | None = None,
    ) -> None:
        """interpreters: what environments may start from; this machine's unless given. abilities: what the host can
        enforce, found out unless given. images: what makes images, None without a container engine."""
        self._images = images
        self._abilities = abilities
        self._home = home
        self._interpreters = interpreters or Interpreters.of_this_machine(home.package_cache)
        self._clock = clock or SystemClock()
        self._pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="environment")
        self._builders = Builders()
        self._builds: dict[str, Future[None]] = {}
        self._failures: dict[str, BuildFailed | None] = {}
        """Of builds that could not leave a word of their own on the disk."""
        self._lock = threading.Lock()
        self._closed = False
        self._asked_for: dict[str, float] = {}

    def key(self, request: EnvironmentRequest) -> str:
        if request.needs_engine:
            start = (request.image, request.context, request.dockerfile, str(request.as_it_is))
            added = "" if request.as_it_is else self._runtime.digest
            lines = (request.base + request.requirements).strip()
            return hashlib.sha256("\0".join(("image", *start, added, lines)).encode()).hexdigest()[:20]
        python = self._python(request)
        parts = (
            platform.python_implementation(),
            python.version if isinstance(python, Interpreter) else request.python,
            platform.machine(),
            str(python.path) if isinstance(python, Interpreter) else "",
            self._runtime.digest,
            (request.base + request.requirements).strip(),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]

    def log(self, request: EnvironmentRequest) -> Path:
        """Where uv's words about this environment are kept."""
        return self._place(self.key(request)).log

    def ensure(self, request: EnvironmentRequest, *, retry_failed: bool = False) -> EnvironmentState:
        start = self._start(request, look_again=retry_failed)
        if isinstance(start, BuildFailed):
            return start
        key = self.key(request)
        place = self._place(key)
        with self._lock:
            self._asked_for[key] = self._clock.monotonic()
            running = self._builds.get(key)
            if running is not None and not running.done():
                return Building(place.log)
            if running is not None:
                del self._builds[key]
                self._failures[key] = _how_it_broke(running)
            # Somebody may have removed the image; who deploys anew has it looked for.
            if (built := place.built()) and not (built.image and retry_failed):
                return built
            failure = self._failures.get(key) or place.failure()
            if failure is not None and not retry_failed:
                return failure
            self._failures.pop(key, None)
            place.log.unlink(missing_ok=True)  # whoever reads it does not take the last build's words for this one's
            self._builds[key] = self._pool.submit(self._build, place, request, start)
            return Building(place.log)

    def look(self, request: EnvironmentRequest) -> EnvironmentState | None:
        start = self._start(request)
        if isinstance(start, BuildFailed):
            return start
        key = self.key(request)
        place = self._place(key)
        with self._lock:
            running = self._builds.get(key)
            if running is not None and not running.done():
                return Building(place.log)
        return place.built() or place.failure()

    def unused(
        self, *, older_than: datetime, besides: Collection[Path], wanted: Iterable[EnvironmentRequest] = ()
    ) -> Sequence[UnusedEnvironment]:
        kept = {self.key(each) for each in wanted}
        with self._lock:
            folders = self._unused(older_than, besides, kept)
        return [UnusedEnvironment(each.name, size_of(each)) for each in folders]

    def remove_unused(
        self, *, older_than: datetime, besides: Collection[Path], wanted: Iterable[EnvironmentRequest] = ()
    ) -> Sequence[UnusedEnvironment]:
        kept = {self.key(each) for each in wanted}
        with self._lock:
            folders = self._unused(older_than, besides, kept)
            moved = [(each.name, garbage.move_away(each)) for each in folders]
        removed = [UnusedEnvironment(name, size_of(trash)) for name, trash in moved]
        for name, trash in moved:
            if self._images is not None and Place(trash).image() is not None:
                self._images.remove(name)
        for trash in garbage.leftovers(self._home.environments):
            remove(trash)
        return removed

    def _unused(self, older_than: datetime, besides: Collection[Path], kept: set[str]) -> Sequence[Path]:
        """Called with the lock."""
        running = {each.relative_to(self._home.environments).parts[0] for each in besides if self._is_ours(each)}
        return garbage.unused_folders(self._home.environments, self._asked_for.keys() | running | kept, older_than)

    def _is_ours(self, python: Path) -> bool:
        return python.is_relative_to(self._home.environments)

    def close(self) -> None:
        """Cut off running builds; the next server begins them anew. Returns at once."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _runtime(self) -> runtime_wheel.RuntimeWheel:
        # Packed once: a checkout that changes while the server runs must not split key and content.
        return runtime_wheel.pack()

    def _place(self, key: str) -> Place:
        return Place(self._home.environments / key)

    def _python(self, request: EnvironmentRequest, *, look_again: bool = False) -> Interpreter | BuildFailed:
        try:
            return self._interpreters.choose(request.python, look_again=look_again)
        except BadArgument as missing:
            return BuildFailed(missing.message, "", next_step=missing.next_step)

    def _start(self, request: EnvironmentRequest, *, look_again: bool = False) -> Interpreter | Images | BuildFailed:
        """What it is made from."""
        if not request.needs_engine:
            return self._python(request, look_again=look_again)
        return self._images or BuildFailed(
            "The environment is a container image, and the server uses no container engine.",
            "",
            next_step=NO_ENGINE_HINT,
        )

    def _is_wanted(self, key: str) -> bool:
        return not self._closed and self._clock.monotonic() - self._asked_for[key] < FORGOTTEN_AFTER_S

    def _build(self, place: Place, request: EnvironmentRequest, start: Interpreter | Images) -> None:
        key = place.directory.name
        try:
            if isinstance(start, Images):
                build_image(
                    place,
                    request,
                    start,
                    runtime=self._runtime,
                    builders=self._builders,
                    is_wanted=lambda: self._is_wanted(key),
                )
                return
            build(
                place,
                request,
                runtime=self._runtime,
                base_python=start.path,
                cache=self._home.package_cache,
                builders=self._builders,
                is_wanted=lambda: self._is_wanted(key),
                hidden=(self._home.root, self._home.run),
                abilities=self._abilities,
            )
        except BuildCancelled:
            logger.info("The environment %s is not built any further: nobody wants it now.", key)
        except Exception:
            logger.exception("Building the environment %s failed.", key)
            raise


def _how_it_broke(build: Future[None]) -> BuildFailed | None:
    """How a build has ended that says nothing on the disk; None when it does."""
    broken = build.exception()
    return None if broken is None else BuildFailed(message=f"The environment could not be built: {broken}.", output="")
