"""Builds one environment on disk, step by step. Blocking; called in a builder's thread."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from uv import find_uv_bin

from flowstead.confine.abilities import Abilities, of_this_host
from flowstead.confine.users import number_for
from flowstead.environments.interpreters import spoken
from flowstead.environments.protocol import BuildFailed, Built, EnvironmentRequest
from flowstead.environments.requirements_text import Requirements, RequirementsRefused, check, redact
from flowstead.environments.room import Room, remove
from flowstead.environments.runtime_wheel import DISTRIBUTION, RuntimeWheel
from flowstead.environments.sealing import seal
from flowstead.environments.slots import LOOK_EVERY_S, BuildCancelled, Builders
from flowstead.environments.uv_command import Uv, UvFailed, words_of
from flowstead.resources.private_file import write_private

_WORK = ".work-"
_LONGEST_CONFIG = 65536
"""Bytes of a `pyvenv.cfg`; uv's have some hundred."""


@dataclass(frozen=True)
class Place:
    """Where an environment lies. A venv holds absolute paths, so it is built where it stays and `ready` is
    written last: without it, what lies there is the remainder of a build that never ended."""

    directory: Path

    @property
    def venv(self) -> Path:
        return self.directory / "venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def log(self) -> Path:
        return self.directory / "build.log"

    @property
    def ready(self) -> Path:
        return self.directory / ".ready"

    @property
    def failed(self) -> Path:
        return self.directory / "failed.json"

    @property
    def lock(self) -> Path:
        return self.directory.with_name(f".{self.directory.name}.lock")

    def built(self) -> Built | None:
        """The environment, if it is whole. The base interpreter may have been removed since."""
        if (image := self.image()) is not None:
            return Built(self.ready, self.log, image)
        return Built(self.python, self.log) if self.ready.is_file() and self.python.exists() else None

    def image(self) -> str | None:
        """The tag of the image that it is, None when it is none."""
        try:
            tag = json.loads(self.ready.read_text()).get("image")
        except (OSError, ValueError):
            return None
        return tag if isinstance(tag, str) else None

    def failure(self) -> BuildFailed | None:
        """How the last build failed, if it did."""
        try:
            kept = json.loads(self.failed.read_text())
            return BuildFailed(kept["message"], kept["output"], self.log, kept.get("next_step", ""))
        except (OSError, ValueError, KeyError):
            return None


@dataclass(frozen=True)
class Job:
    """One build. work: a folder of its own, gone afterwards."""

    place: Place
    requirements: Requirements
    runtime: RuntimeWheel
    work: Path

    @property
    def inputs(self) -> Path:
        return self.work / "inputs"

    @property
    def wheel(self) -> Path:
        return self.place.directory.parent / ".runtime" / self.runtime.digest[:20] / self.runtime.name

    @property
    def user(self) -> tuple[int, int]:
        """Of foreign code."""
        number = number_for(f"build {self.place.directory.name}")
        return number, number


def build(
    place: Place,
    request: EnvironmentRequest,
    *,
    runtime: RuntimeWheel,
    base_python: Path,
    cache: Path,
    builders: Builders,
    is_wanted: Callable[[], bool],
    hidden: Sequence[Path] = (),
    abilities: Abilities | None = None,
) -> None:
    """Leave `ready` or `failed` behind. is_wanted: asked again and again; the build ends soon when it is not. hidden:
    folders that no build may see, whatever it is shown. abilities: of the host, found out unless given. Raises
    BuildCancelled, and OSError when the disk does not let us."""
    place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_builder(place, is_wanted) as held:
        if place.built():
            return
        place.failed.unlink(missing_ok=True)
        place.ready.unlink(missing_ok=True)
        with place.log.open("w", encoding="utf-8") as log, work_directory(place) as work:
            try:
                # Apart, so that a line that is refused has the number that its author counts.
                requirements = check(request.base) + check(request.requirements)
                log.write(_what_is_wanted(request, requirements, runtime, base_python))
                job = Job(place, requirements, runtime, work)
                write_inputs(job)
                room = _trusted_room(job, abilities or of_this_host(), base_python, cache, hidden)
                uv = Uv(
                    room=room,
                    log=log,
                    secrets=requirements.secrets,
                    hidden=job.inputs,
                    held=held,
                    is_wanted=is_wanted,
                )
                _make(uv, job, builders)
            except RequirementsRefused as refusal:
                log.write(f"{refusal}\n")
                leave_failed(place, str(refusal), "")
            except UvFailed as failure:
                leave_failed(place, "uv could not build the environment from requirements.txt.", failure.output)
            else:
                write_private(place.ready, json.dumps({"runtime": runtime.name, "digest": runtime.digest}).encode())


def _trusted_room(job: Job, abilities: Abilities, base_python: Path, cache: Path, hidden: Sequence[Path]) -> Room:
    return Room(
        abilities=abilities,
        uv=Path(find_uv_bin()),
        base_python=base_python,
        venv=job.place.venv,
        scratch=job.work / "wheels",
        inputs=(job.inputs, job.wheel.parent),
        cache=cache,
        hidden=hidden,
    )


def _what_is_wanted(
    request: EnvironmentRequest, requirements: Requirements, runtime: RuntimeWheel, base_python: Path
) -> str:
    """What the log begins with: it is read by people who see neither the environment's files nor the flow's."""
    asked = f" (asked for: {spoken(request.python)})" if request.python else ""
    said = [f"Python {base_python}{asked}, runtime {runtime.name}"]
    for whose, text in (("the environment", request.base), ("requirements.txt", request.requirements)):
        lines = [line for line in text.splitlines() if line.strip()]
        if lines:
            said += [f"Asked for by {whose}:", *(f"    {line}" for line in lines)]
    return redact("\n".join(said), requirements.secrets) + "\n"


def leave_failed(place: Place, message: str, output: str, next_step: str = "") -> None:
    remove(place.venv)
    write_private(place.failed, json.dumps({"message": message, "output": output, "next_step": next_step}).encode())


def _make(uv: Uv, job: Job, builders: Builders) -> None:
    """From wheels alone where there are wheels for all: then no code of others runs, and the cache can be shared."""
    if not job.requirements.wants_source:
        try:
            with builders.wheels.one(uv.is_wanted):
                _make_in(uv, job, "--only-binary", ":all:")
            return
        except UvFailed as failure:
            if not failure.is_for_want_of_wheels:
                raise
            uv.log.write("A package comes as source only, so all is built again apart from other environments.\n")
    with builders.source.one(uv.is_wanted):
        _make_in(replace(uv, room=uv.room.for_source(job.work / "source", job.user)), job, trusted=uv)


def _make_in(uv: Uv, job: Job, *sources: str, trusted: Uv | None = None) -> None:
    """sources: which kinds of packages may be used. trusted: whoever makes the empty environment when foreign code
    runs in the room of the other."""
    place, runtime = job.place, job.runtime
    # Not uv's `--clear`: it refuses what a builder that was cut off may have left.
    remove(place.venv)
    maker = trusted or uv
    maker.room.prepare({})
    maker.run("venv", "--no-project", "--python", uv.room.base_python, place.venv)
    before = _interpreter(place)
    lock = uv.room.scratch / "lock.txt"
    uv.room.prepare({lock.name: runtime.lock})
    if job.requirements.asks_for_anything:
        _resolve(uv, job, lock, sources)
    _install(uv, job, lock, sources)
    # Measured: 0.7 s once, against 0.4 s at each start of an instance, which may not write bytecode itself. Without
    # `site`, or the packages' own `.pth` files would be run; without the cache, which links in a package may point to.
    compiler = replace(uv, room=uv.room.without_cache())
    with contextlib.suppress(UvFailed):  # files that are not for this Python
        compiler.execute(uv.room.base_python, "-I", "-S", "-m", "compileall", "-qq", "-j", "0", place.venv / "lib")
    try:
        same = _interpreter(place) == before
    except OSError:
        same = False
    if not same:
        raise UvFailed("A package has replaced the interpreter of its environment.")
    try:
        seal(place.venv, to_us=uv.room.user is not None)
    except OSError as failure:
        raise UvFailed(f"A package has left what cannot be made read-only: {failure.strerror}.") from failure


def _interpreter(place: Place) -> tuple[str, bytes]:
    """What decides which Python an environment runs by. No more is read than uv has written, and nothing waited for:
    foreign code may have put something else there."""
    config = os.open(place.venv / "pyvenv.cfg", os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return str(place.python.readlink()), os.read(config, _LONGEST_CONFIG)
    finally:
        os.close(config)


def _resolve(uv: Uv, job: Job, lock: Path, sources: Sequence[str]) -> None:
    """Choose versions. The runtime's pins lie in the output file already, where uv takes them as preferences:
    the flow's own lines win, and all else stays as it was tested."""
    uv.run(
        *("pip", "compile", "--quiet", "--python", job.place.python),
        *("--generate-hashes", "--no-header", "--no-annotate", "--output-file", lock),
        *sources,
        *index_arguments(job.requirements),
        *(job.inputs / "requirements.txt", job.inputs / "runtime.txt"),
    )


def _install(uv: Uv, job: Job, lock: Path, sources: Sequence[str]) -> None:
    requirements = job.requirements
    uv.run(
        *("pip", "install", "--python", job.place.python, "--no-deps"),
        *(() if requirements.asks_for_anything else ("--require-hashes",)),
        *(("-r", job.inputs / "options.txt") if requirements.options else ()),
        *(("-c", job.inputs / "hashed.txt") if requirements.hashed else ()),
        *sources,
        *index_arguments(requirements),
        *("-r", lock, "-r", job.inputs / "own.txt"),
    )


def write_inputs(job: Job) -> None:
    """All that the server writes for uv, before anything runs: afterwards foreign code may have been there."""
    wheel, runtime, requirements = job.wheel, job.runtime, job.requirements
    if not wheel.is_file():
        write_private(wheel, runtime.content)
    wheel.chmod(0o644)
    wheel.parent.chmod(0o755)
    texts = {
        "requirements.txt": requirements.text,
        "runtime.txt": "\n".join(runtime.dependencies),
        "own.txt": f"{DISTRIBUTION} @ {wheel.as_uri()} --hash=sha256:{runtime.digest}\n",
        # Addresses with credentials travel in files of a private directory, never in a process list.
        "options.txt": "\n".join(requirements.options) + "\n",
        "hashed.txt": "\n".join(requirements.hashed) + "\n",
    }
    job.inputs.mkdir()
    job.inputs.chmod(0o755)
    for name, text in texts.items():
        (job.inputs / name).write_text(text)
        (job.inputs / name).chmod(0o644)


def index_arguments(requirements: Requirements) -> list[str]:
    allowed = ["--prerelease", "allow"] if requirements.prerelease else []
    return allowed + words_of(requirements.insecure_hosts, "--allow-insecure-host")


@contextmanager
def only_builder(place: Place, is_wanted: Callable[[], bool]) -> Iterator[int]:
    """Hold the environment's lock, also against a uv that a killed server has left at work."""
    descriptor = os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _locked(descriptor):
            if not is_wanted():
                raise BuildCancelled
            time.sleep(LOOK_EVERY_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def work_directory(place: Place) -> Iterator[Path]:
    # What a builder that was killed has left; nobody else is at work here while the lock is held.
    for left in place.directory.glob(f"{_WORK}*"):
        remove(left)
    work = Path(tempfile.mkdtemp(prefix=_WORK, dir=place.directory))
    try:
        yield work
    finally:
        remove(work)
