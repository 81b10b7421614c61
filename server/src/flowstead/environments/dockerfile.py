"""What a Dockerfile comes to without a container engine, when it only copies files and installs packages with pip."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from flowstead.environments.dockerfile_text import commands_of, instructions, is_operator, listed_words, words_of
from flowstead.environments.image_build import ImageBuild
from flowstead.environments.image_variables import is_taken_over, why_refused
from flowstead.environments.pip_command import install_lines
from flowstead.environments.requirements_text import redact
from flowstead.resources.environment import BaseEnvironment
from flowstead.resources.runtime_images import is_runtime_image

_SILENT = frozenset({"LABEL", "EXPOSE", "USER", "MAINTAINER", "STOPSIGNAL", "VOLUME", "SHELL", "HEALTHCHECK"})
"""Instructions that change nothing about packages or variables."""
_WITHOUT_EFFECT = frozenset({"set", "true", ":", "mkdir", "rm", "chmod", "chown", "echo"})
"""Commands that change nothing, or only files, which are not put beside the flow anyway."""
_SHELLS = frozenset({"sh", "bash"})
_PAIR = re.compile(r"\w+=")
_RUN_OPTIONS = re.compile(r"^(?:--\w+(?:=\S+)?\s+)+")
_MAX_INSTRUCTIONS = 500


def base_of_dockerfile(context: Path, dockerfile: str) -> BaseEnvironment:
    """What it adds to the runtime. dockerfile: its path in the context. Raises BadArgument, which names the line and
    what it would take."""
    build = ImageBuild(context)
    text = build.read(PurePosixPath(dockerfile), f"{dockerfile!r} is not in the build context")
    for count, (line, instruction, rest) in enumerate(instructions(text)):
        build.line, build.instruction = line, instruction
        if count >= _MAX_INSTRUCTIONS:
            raise build.refuse(f"there are more than {_MAX_INSTRUCTIONS} instructions")
        if not build.has_base and instruction not in ("FROM", "ARG"):
            raise build.refuse("comes before FROM")
        if instruction in _SILENT:
            continue
        carry_out = _INSTRUCTIONS.get(instruction)
        if carry_out is None:
            raise build.refuse("is more than copying files and installing packages")
        carry_out(build, rest)
    if not build.has_base:
        build.line = 0
        raise build.refuse("there is no FROM")
    return BaseEnvironment("".join(f"{line}\n" for line in build.requirements), build.variables)


def demand_nothing_secret_in(context: Path, dockerfile: str) -> None:
    """Of one that an engine builds: what it gives to its variables is kept in the image and in the environment. Raises
    BadArgument."""
    build = ImageBuild(context)
    text = build.read(PurePosixPath(dockerfile), f"{dockerfile!r} is not in the build context")
    for line, instruction, rest in instructions(text):
        build.line, build.instruction = line, instruction
        if instruction == "ENV":
            _env(build, rest)


def _from(build: ImageBuild, rest: str) -> None:
    words = [word for word in build.expand(rest).split() if not word.startswith("--")]
    if build.has_base:
        raise build.refuse("is a second stage")
    if not words or not is_runtime_image(words[0]):
        raise build.refuse(f"{words[0] if words else 'nothing'} is not a promptflow-runtime image")
    build.has_base = True


def _arg(build: ImageBuild, rest: str) -> None:
    for word in _words(build, rest):
        name, given, value = word.partition("=")
        # Without a value it takes up what an ARG before FROM has given.
        build.arguments[name] = value if given else build.arguments.get(name, "")


def _env(build: ImageBuild, rest: str) -> None:
    if _PAIR.match(rest):
        pairs = [word.partition("=") for word in _words(build, rest)]
    else:  # the old form: ENV NAME the rest of the line
        first, *more = rest.split(None, 1) or [""]
        pairs = [(first, "=" if more else "", build.expand("".join(more).strip()))]
    for name, equals, value in pairs:
        refusal = why_refused(name, value) if equals else f"{name[:120]!r} is not NAME=VALUE"
        if refusal:
            raise build.refuse(refusal)
        if is_taken_over(name):
            build.variables[name] = value


def _workdir(build: ImageBuild, rest: str) -> None:
    build.enter(build.expand(rest.strip("\"'")))


def _copy(build: ImageBuild, rest: str) -> None:
    words = _listed(build, rest) or _words(build, rest)
    if any(word.startswith("--from") for word in words):
        raise build.refuse("copies from another image")
    *sources, target = [word for word in words if not word.startswith("--")] or [""]
    if not sources:
        raise build.refuse("names no file and no target")
    build.copy(sources, target)


def _run(build: ImageBuild, rest: str) -> None:
    words = _listed(build, rest)
    if words is None:
        _script(build, _RUN_OPTIONS.sub("", rest))
    else:
        _command(build, words)


def _script(build: ImageBuild, text: str) -> None:
    if "<<" in text or "$(" in text or "`" in text:
        raise build.refuse("holds a script")
    try:
        for words in commands_of(build.expand(text)):
            _command(build, words)
    except ValueError as problem:
        raise build.refuse(f"cannot be read ({problem})") from None


def _command(build: ImageBuild, words: Sequence[str]) -> None:
    name = words[0].rpartition("/")[2]
    said = f"`{redact(' '.join(words))[:120]}`"
    if any(map(is_operator, words)):
        raise build.refuse(f"{said} is more than commands one after the other")
    if name in _SHELLS and len(words) == 3 and re.fullmatch(r"-\w*c", words[1]):
        _script(build, words[2])
    elif name == "cd" and len(words) == 2:
        build.enter(words[1])
    elif name not in _WITHOUT_EFFECT and list(words[-2:]) != ["cache", "purge"]:
        lines = install_lines(words, build.requirements_at)
        if lines is None:
            raise build.refuse(f"{said} is not `pip install` of packages by their names")
        build.require(lines)


def _words(build: ImageBuild, text: str) -> list[str]:
    try:
        return [build.expand(word) for word in words_of(text)]
    except ValueError as problem:
        raise build.refuse(f"cannot be read ({problem})") from None


def _listed(build: ImageBuild, text: str) -> list[str] | None:
    words = listed_words(text)
    return None if words is None else [build.expand(word) for word in words]


_INSTRUCTIONS: Mapping[str, Callable[[ImageBuild, str], None]] = {
    "FROM": _from,
    "ARG": _arg,
    "ENV": _env,
    "WORKDIR": _workdir,
    "COPY": _copy,
    "ADD": _copy,
    "RUN": _run,
}
