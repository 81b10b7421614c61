"""Makes the image of one environment, step by step. Blocking; called in a builder's thread.

An image with a server of its own gets a tag of ours and nothing else. On any other the runtime and the packages are
installed: in a container of it, from files that are mounted, so that neither addresses with credentials nor variables
of the server come into a layer or into the image's history.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from flowstead.confine.description import certificate_files
from flowstead.containers.calls import CallFailed, call, client_variables
from flowstead.containers.command import (
    ContainerRun,
    Mount,
    build_command,
    commit_command,
    image_command,
    name_prefix,
    pull_command,
    remove_command,
    run_command,
    tag_command,
    untag_command,
)
from flowstead.containers.host import ContainerEngine
from flowstead.environments.build import (
    Job,
    Place,
    index_arguments,
    leave_failed,
    only_builder,
    work_directory,
    write_inputs,
)
from flowstead.environments.protocol import EnvironmentRequest
from flowstead.environments.requirements_text import Requirements, RequirementsRefused, check, redact
from flowstead.environments.room import local_folders
from flowstead.environments.runtime_wheel import DISTRIBUTION, RuntimeWheel
from flowstead.environments.slots import Builders
from flowstead.environments.uv_command import Builder, UvFailed, build_variables
from flowstead.resources.private_file import write_private

_LOOK_WITHIN_S = 20.0
_REMOVE_WITHIN_S = 60.0
# It names no file: the portal leads to the one that a failure names last.
_MEND = "Mend what is named above, the image's name, a step of its Dockerfile or a requirement, and deploy again."
_OF_THIS_HOST = frozenset(
    {"PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "NETRC", "SSH_AUTH_SOCK", "UV_CACHE_DIR", "SSL_CERT_DIR"}
)
"""Of a build's variables, what says where things lie on this machine and nowhere else."""
_BUILD = "/opt/flowstead/build"
_INPUTS, _SCRATCH, _RUNTIME, _UV = (f"{_BUILD}/{each}" for each in ("inputs", "scratch", "runtime", "uv"))
"""Where things are mounted while an image is made; the folders stay in it, empty."""
_INSTALL = Path(__file__).with_name("install.sh")


@dataclass(frozen=True)
class Images:
    """engine: what makes them. home: whose containers it starts. contexts: the folder in which build contexts lie."""

    engine: ContainerEngine
    home: str
    contexts: Path

    def tag_of(self, key: str) -> str:
        return f"localhost/flowstead/environment:{key}"

    def is_there(self, image: str) -> bool:
        try:
            call(image_command(self.engine, image), client_variables(os.environ), within_s=_LOOK_WITHIN_S)
        except CallFailed:
            return False
        return True

    def remove(self, key: str) -> None:
        """Nothing is said when it is not there, or when a container still uses it."""
        for tag in (self.tag_of(key), _context_tag(key)):
            with suppress(CallFailed):
                call(untag_command(self.engine, tag), client_variables(os.environ), within_s=_REMOVE_WITHIN_S)


def build_image(
    place: Place,
    request: EnvironmentRequest,
    images: Images,
    *,
    runtime: RuntimeWheel,
    builders: Builders,
    is_wanted: Callable[[], bool],
) -> None:
    """Leave `ready` or `failed` behind, as `build` does. Raises BuildCancelled, and OSError when the disk does not let
    us."""
    place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    tag = images.tag_of(place.directory.name)
    with only_builder(place, is_wanted) as held:
        if place.built() and images.is_there(tag):
            return
        place.failed.unlink(missing_ok=True)
        place.ready.unlink(missing_ok=True)
        with place.log.open("w", encoding="utf-8") as log, work_directory(place) as work:
            try:
                requirements = check(request.base) + check(request.requirements)
                log.write(_what_is_wanted(request, requirements, images.engine, runtime))
                job = Job(place, requirements, runtime, work)
                builder = Builder(
                    log=log,
                    secrets=requirements.secrets,
                    hidden=job.inputs,
                    held=held,
                    is_wanted=is_wanted,
                    leaves_nothing=True,
                )
                with builders.source.one(is_wanted):
                    _Steps(images, builder, job, request).make(tag)
            except RequirementsRefused as refusal:
                log.write(f"{refusal}\n")
                leave_failed(place, str(refusal), "")
            except UvFailed as failure:
                start = request.image or "the build context"
                said = f"{images.engine.kind} could not make the environment's image from {start}."
                leave_failed(place, said, failure.output, _MEND)
            else:
                write_private(place.ready, json.dumps({"image": tag, "runtime": runtime.name}).encode())


@dataclass(frozen=True)
class _Steps:
    images: Images
    builder: Builder
    job: Job
    request: EnvironmentRequest

    def make(self, tag: str) -> None:
        base = self._base()
        if self.request.as_it_is:
            self._do(tag_command(self.images.engine, base, tag))
        else:
            self._install(base, tag)

    def _base(self) -> str:
        """The image to start from, there."""
        engine, request = self.images.engine, self.request
        if request.context:
            tag = _context_tag(self.job.place.directory.name)
            self._do(build_command(engine, self.images.contexts / request.context, request.dockerfile, tag))
            return tag
        if not self.images.is_there(request.image):
            self._do(pull_command(engine, request.image))
        return request.image

    def _install(self, base: str, tag: str) -> None:
        engine, job = self.images.engine, self.job
        variables = build_variables(os.environ, Path("/nowhere"))
        write_inputs(job)
        _write_what_is_read_inside(job, variables)
        scratch = job.work / "scratch"
        scratch.mkdir()
        write_private(scratch / "lock.txt", job.runtime.lock.encode())
        uv = Path(find_uv_bin()).resolve()
        name = f"{name_prefix(self.images.home)}build-{job.place.directory.name}"
        shown = dict.fromkeys((*certificate_files(variables), *local_folders(variables)))
        run = ContainerRun(
            name=name,
            image=base,
            home=self.images.home,
            command=(
                *("/bin/sh", f"{_INPUTS}/{_INSTALL.name}", _INPUTS, _SCRATCH, _UV),
                "more" if job.requirements.asks_for_anything else "nothing",
                *index_arguments(job.requirements),
            ),
            user=(0, 0),
            # An index may be on this machine.
            host_network=True,
            mounts=(
                Mount(job.inputs, _INPUTS),
                Mount(job.wheel.parent, _RUNTIME),
                Mount(uv, _UV),
                Mount(scratch, _SCRATCH, writable=True),
                # By the names that the settings of the indexes have for them.
                *(Mount(each, str(each)) for each in shown if each.exists()),
            ),
            read_only=False,
        )
        self._remove(name)
        try:
            self._do(run_command(engine, run))
            self._do(commit_command(engine, name, tag))
        finally:
            self._remove(name)

    def _do(self, argv: tuple[str, ...]) -> None:
        self.builder.follow(argv, client_variables(os.environ))

    def _remove(self, name: str) -> None:
        with suppress(CallFailed):
            call(remove_command(self.images.engine, name), client_variables(os.environ), within_s=_REMOVE_WITHIN_S)


def _context_tag(key: str) -> str:
    return f"localhost/flowstead/context:{key}"


def _write_what_is_read_inside(job: Job, variables: Mapping[str, str]) -> None:
    exported = (
        f"export {name}={shlex.quote(value)}\n" for name, value in variables.items() if name not in _OF_THIS_HOST
    )
    texts = {
        "own.txt": f"{DISTRIBUTION} @ file://{_RUNTIME}/{job.wheel.name} --hash=sha256:{job.runtime.digest}\n",
        "variables.sh": "".join(exported),
        _INSTALL.name: _INSTALL.read_text(encoding="utf-8"),
    }
    for name, text in texts.items():
        write_private(job.inputs / name, text.encode())


def _what_is_wanted(
    request: EnvironmentRequest, requirements: Requirements, engine: ContainerEngine, runtime: RuntimeWheel
) -> str:
    start = f"the image {request.image}" if request.image else f"the build context, {request.dockerfile}"
    added = "as it is" if request.as_it_is else f"with the runtime {runtime.name}"
    said = [f"From {start}, {added}, by {engine.words}"]
    for whose, text in (("the environment", request.base), ("requirements.txt", request.requirements)):
        lines = [line for line in text.splitlines() if line.strip()]
        if lines:
            said += [f"Asked for by {whose}:", *(f"    {line}" for line in lines)]
    return redact("\n".join(said), requirements.secrets) + "\n"
