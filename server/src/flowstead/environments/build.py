"""Builds one environment on disk, step by step. Blocking; called in a builder's thread."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowstead.environments.interpreters import spoken
from flowstead.environments.protocol import BuildFailed, Built, EnvironmentRequest
from flowstead.environments.requirements_text import Requirements, RequirementsRefused, check, redact
from flowstead.environments.runtime_wheel import DISTRIBUTION, RuntimeWheel
from flowstead.environments.uv_command import Uv, UvFailed, words_of
from flowstead.resources.private_file import write_private


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
        return Built(self.python, self.log) if self.ready.is_file() and self.python.exists() else None

    def failure(self) -> BuildFailed | None:
        """How the last build failed, if it did."""
        try:
            kept = json.loads(self.failed.read_text())
            return BuildFailed(message=kept["message"], output=kept["output"])
        except (OSError, ValueError, KeyError):
            return None


def build(
    place: Place,
    request: EnvironmentRequest,
    *,
    runtime: RuntimeWheel,
    base_python: Path,
    cache: Path,
    cancel: threading.Event,
) -> None:
    """Leave `ready` or `failed` behind. Raises BuildCancelled, and OSError when the disk does not let us."""
    place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_builder(place) as held:
        if place.built():
            return
        place.failed.unlink(missing_ok=True)
        place.ready.unlink(missing_ok=True)
        with place.log.open("w", encoding="utf-8") as log, _work_directory(place) as work:
            try:
                # Apart, so that a line that is refused has the number that its author counts.
                requirements = check(request.base) + check(request.requirements)
                log.write(_what_is_wanted(request, requirements, runtime, base_python))
                uv = Uv(cache, log, requirements.secrets, work, held, cancel)
                _run_steps(uv, place, work, requirements, runtime, base_python)
            except RequirementsRefused as refusal:
                log.write(f"{refusal}\n")
                _leave_failed(place, str(refusal), "")
            except UvFailed as failure:
                _leave_failed(place, "uv could not build the environment from requirements.txt.", failure.output)
            else:
                write_private(place.ready, json.dumps({"runtime": runtime.name, "digest": runtime.digest}).encode())


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


def _leave_failed(place: Place, message: str, output: str) -> None:
    shutil.rmtree(place.venv, ignore_errors=True)
    write_private(place.failed, json.dumps({"message": message, "output": output}).encode())


def _run_steps(
    uv: Uv, place: Place, work: Path, requirements: Requirements, runtime: RuntimeWheel, base_python: Path
) -> None:
    # Not uv's `--clear`: it refuses what a builder that was cut off may have left.
    shutil.rmtree(place.venv, ignore_errors=True)
    uv.run("venv", "--no-project", "--python", base_python, place.venv)
    lock = work / "lock.txt"
    lock.write_text(runtime.lock)
    if requirements.asks_for_anything:
        _resolve(uv, place, work, requirements, runtime, lock)
    _install(uv, place, work, requirements, runtime, lock)


def _resolve(uv: Uv, place: Place, work: Path, requirements: Requirements, runtime: RuntimeWheel, lock: Path) -> None:
    """Choose versions. The runtime's pins lie in the output file already, where uv takes them as preferences:
    the flow's own lines win, and all else stays as it was tested."""
    (work / "requirements.txt").write_text(requirements.text)
    (work / "runtime.txt").write_text("\n".join(runtime.dependencies))
    uv.run(
        *("pip", "compile", "--quiet", "--python", place.python),
        *("--generate-hashes", "--no-header", "--no-annotate", "--output-file", lock),
        *_index_arguments(requirements),
        *(work / "requirements.txt", work / "runtime.txt"),
    )


def _install(uv: Uv, place: Place, work: Path, requirements: Requirements, runtime: RuntimeWheel, lock: Path) -> None:
    wheel = place.directory.parent / ".runtime" / runtime.digest[:20] / runtime.name
    if not wheel.is_file():
        write_private(wheel, runtime.content)
    own = f"{DISTRIBUTION} @ {wheel.as_uri()} --hash=sha256:{runtime.digest}\n"
    (work / "own.txt").write_text(own)
    # Addresses with credentials travel in files of a private directory, never in a process list.
    (work / "options.txt").write_text("\n".join(requirements.options) + "\n")
    (work / "hashed.txt").write_text("\n".join(requirements.hashed) + "\n")
    uv.run(
        *("pip", "install", "--python", place.python, "--no-deps"),
        # Measured: 0.7 s once, against 0.4 s at each start of an instance, which may not write bytecode itself.
        "--compile-bytecode",
        *(() if requirements.asks_for_anything else ("--require-hashes",)),
        *(("-r", work / "options.txt") if requirements.options else ()),
        *(("-c", work / "hashed.txt") if requirements.hashed else ()),
        *_index_arguments(requirements),
        *("-r", lock, "-r", work / "own.txt"),
    )


def _index_arguments(requirements: Requirements) -> list[str]:
    allowed = ["--prerelease", "allow"] if requirements.prerelease else []
    return allowed + words_of(requirements.insecure_hosts, "--allow-insecure-host")


@contextmanager
def _only_builder(place: Place) -> Iterator[int]:
    """Hold the environment's lock, also against a uv that a killed server has left at work."""
    descriptor = os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _work_directory(place: Place) -> Iterator[Path]:
    work = Path(tempfile.mkdtemp(prefix=".work-", dir=place.directory))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
