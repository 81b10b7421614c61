"""What a Dockerfile comes to without a container engine, when it only copies files and installs packages with pip.

Format: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from flowstead.environments.pip_command import install_lines
from flowstead.errors import BadArgument
from flowstead.resources.environment import BaseEnvironment
from flowstead.resources.runtime_images import is_runtime_image
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.yaml_file import read_bounded_text

_VARIABLE = re.compile(r"(?<!\\)\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<plain>\w+))")
_CONTINUED = re.compile(r"\\\s*$")
_ENV_PAIR = re.compile(r"\w+=")
_SILENT = frozenset({"LABEL", "EXPOSE", "USER", "MAINTAINER", "STOPSIGNAL", "VOLUME", "SHELL", "HEALTHCHECK"})
"""Instructions that change nothing about packages or variables."""
_NEED = "Any other image or build needs a container engine, which this server does not use."


@dataclass
class _Build:
    """context: the folder that is sent along. copied: path in the image → file in the context."""

    context: Path
    line: int = 0
    instruction: str = ""
    has_base: bool = False
    workdir: PurePosixPath = field(default_factory=lambda: PurePosixPath("/"))
    arguments: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    copied: dict[PurePosixPath, Path] = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)

    def refuse(self, why: str) -> BadArgument:
        return BadArgument(
            f"Line {self.line} of the Dockerfile, {self.instruction}: {why}.",
            hint=f"A build context may start FROM a promptflow-runtime image, COPY files and RUN pip install. {_NEED}",
            target="properties.build.dockerfilePath",
        )

    def expand(self, text: str) -> str:
        known = {**self.arguments, **self.variables}
        return _VARIABLE.sub(lambda m: known.get(m["braced"] or m["plain"], m["default"] or ""), text)

    def at(self, path: str) -> PurePosixPath:
        """Where that path is in the image."""
        parts: list[str] = []
        for part in (self.workdir / path).parts[1:]:
            if part == "..":
                parts = parts[:-1]
            else:
                parts.append(part)
        return PurePosixPath("/", *parts)


def base_of_dockerfile(context: Path, dockerfile: str) -> BaseEnvironment:
    """What it adds to the runtime. dockerfile: its path in the context. Raises BadArgument, which names the line and
    what it would take."""
    build = _Build(context)
    text = _read(build, PurePosixPath(dockerfile), f"the Dockerfile {dockerfile!r} is not in the build context")
    for build.line, instruction, rest in _instructions(text):
        build.instruction = instruction
        if not build.has_base and instruction not in ("FROM", "ARG"):
            raise build.refuse("comes before FROM")
        if instruction in _SILENT:
            continue
        carry_out = _INSTRUCTIONS.get(instruction)
        if carry_out is None:
            raise build.refuse("is more than copying files and installing packages")
        carry_out(build, rest)
    if not build.has_base:
        raise build.refuse("there is no FROM")
    return BaseEnvironment("".join(f"{line}\n" for line in build.requirements), build.variables)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """(number of the first line, instruction in capitals, the rest), continuations joined."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip().startswith("#") or not line.strip():
            continue
        start = start if pending else number
        if _CONTINUED.search(line):
            pending += _CONTINUED.sub(" ", line)
            continue
        word, _, rest = (pending + line).strip().partition(" ")
        pending = ""
        yield start, word.upper(), rest.strip()
    if pending.strip():
        word, _, rest = pending.strip().partition(" ")
        yield start, word.upper(), rest.strip()


def _from(build: _Build, rest: str) -> None:
    words = [word for word in build.expand(rest).split() if not word.startswith("--")]
    if build.has_base:
        raise build.refuse("is a second stage")
    if not words or not is_runtime_image(words[0]):
        raise build.refuse(f"{words[0] if words else 'nothing'} is not a promptflow-runtime image")
    build.has_base = True


def _arg(build: _Build, rest: str) -> None:
    for word in _words(build, rest):
        name, _, value = word.partition("=")
        build.arguments[name] = value


def _env(build: _Build, rest: str) -> None:
    if not _ENV_PAIR.match(rest):  # the old form: ENV NAME the rest of the line
        name, _, value = rest.partition(" ")
        build.variables[name] = build.expand(value.strip())
        return
    for word in _words(build, rest):
        name, equals, value = word.partition("=")
        if not equals:
            raise build.refuse(f"{word!r} is not NAME=VALUE")
        build.variables[name] = value


def _workdir(build: _Build, rest: str) -> None:
    build.workdir = build.at(build.expand(rest.strip("\"'")))


def _copy(build: _Build, rest: str) -> None:
    words = _words(build, rest.strip("[]").replace('",', '" ')) if rest.startswith("[") else _words(build, rest)
    flags = [word for word in words if word.startswith("--")]
    if any(flag.startswith("--from") for flag in flags):
        raise build.refuse("copies from another image")
    *sources, target = [word for word in words if not word.startswith("--")] or [""]
    if not sources:
        raise build.refuse("names no file and no target")
    found = [(source, match) for source in sources for match in _matching(build, source)]
    many = len(found) > 1 or target.endswith("/") or target in (".", "..")
    for _, match in found:
        place = build.at(target)
        if match.is_dir():
            build.copied |= {place / each.relative_to(match): each for each in match.rglob("*") if each.is_file()}
        else:
            build.copied[place / match.name if many else place] = match


def _matching(build: _Build, source: str) -> list[Path]:
    """Files and folders of the context that the source names, wildcards resolved segment by segment."""
    if "://" in source:
        raise build.refuse(f"fetches {source.partition('?')[0][:120]}")
    segments = [each for each in PurePosixPath(source.lstrip("/")).parts if each != "."]
    if ".." in segments:
        raise build.refuse(f"{source!r} leaves the build context")
    places = [build.context]
    for segment in segments:
        places = [
            each
            for place in places
            if place.is_dir()
            for each in sorted(place.iterdir())
            if fnmatchcase(each.name, segment)
        ]
    if not places:
        raise build.refuse(f"{source!r} is not in the build context")
    return places


def _run(build: _Build, rest: str) -> None:
    if "<<" in rest:
        raise build.refuse("holds a script")
    if rest.startswith("["):
        rest = " ".join(shlex.quote(word) for word in _words(build, rest.strip("[]").replace('",', '" ')))
    rest = re.sub(r"^(?:--\w+(?:=\S+)?\s+)+", "", rest)
    for command in re.split(r"&&|;", build.expand(rest)):
        words = _split(build, command)
        if words and words[0] in ("cd",) and len(words) == 2:
            build.workdir = build.at(words[1])
        elif words:
            lines = install_lines(words, lambda path: _requirements(build, path, ()))
            if lines is None:
                raise build.refuse(f"`{command.strip()[:120]}` is not `pip install`")
            build.requirements += lines


def _requirements(build: _Build, path: str, chain: tuple[PurePosixPath, ...]) -> list[str]:
    """The lines of a requirements file in the image, those of the files that it includes among them."""
    place = build.at(path) if not chain else PurePosixPath(build.at(str(chain[-1].parent / path)))
    file = build.copied.get(place)
    if file is None:
        raise build.refuse(f"{path} has not been copied to {place}")
    if place in chain or len(chain) > 20:
        raise build.refuse(f"{path} includes itself")
    lines: list[str] = []
    text = _read(build, PurePosixPath(file.relative_to(build.context)), f"{path} cannot be read")
    for line in text.splitlines():
        match = re.match(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]+(?P<path>\S+)", line)
        lines += _requirements(build, match["path"], (*chain, place)) if match else [line]
    return lines


def _read(build: _Build, path: PurePosixPath, missing: str) -> str:
    file = build.context.joinpath(*path.parts)
    if path.is_absolute() or ".." in path.parts or not file.is_file() or file.is_symlink():
        raise build.refuse(missing)
    try:
        return read_bounded_text(file, shown=str(path))
    except RuntimeFailure as problem:
        raise build.refuse(problem.message) from None


def _words(build: _Build, text: str) -> list[str]:
    return [build.expand(word) for word in _split(build, text)]


def _split(build: _Build, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as problem:
        raise build.refuse(f"cannot be read ({problem})") from None


_INSTRUCTIONS: Mapping[str, Callable[[_Build, str], None]] = {
    "FROM": _from,
    "ARG": _arg,
    "ENV": _env,
    "WORKDIR": _workdir,
    "COPY": _copy,
    "ADD": _copy,
    "RUN": _run,
}
