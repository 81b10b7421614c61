"""What a Dockerfile has done so far: where it is, which files it has copied, which variables it has set."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from flowstead.environments.requirements_text import as_extra_index, is_index, redact
from flowstead.errors import BadArgument
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.yaml_file import read_bounded_text

_VARIABLE = re.compile(r"(?<!\\)\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<plain>\w+))")
_INCLUDE = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]+(?P<path>\S+)")
_FOLDERS = ("/", "/tmp", "/root", "/home", "/opt", "/srv", "/var", "/usr", "/etc", "/mnt")  # noqa: S108
"""There in every image, so that what is copied to one lies in it."""
_MAX_CHARACTERS = 1024 * 1024
"""Of what variables expand to, and of all requirements together."""
_MAX_COPIED = 50_000
_MAX_DEPTH = 20
_MAX_OPTIONS = 200
_MAX_READS = 500
_MAX_READ = 8 * 1024 * 1024
"""Of all files together that are read for a Dockerfile, itself among them, characters."""


@dataclass
class ImageBuild:
    """context: the folder that is sent along. line, instruction: being carried out, 0 for none. folders: known to be in
    the image. copied: path in the image → file in the context. Methods raise BadArgument, which names line and
    instruction."""

    context: Path
    line: int = 0
    instruction: str = ""
    has_base: bool = False
    workdir: PurePosixPath = field(default_factory=lambda: PurePosixPath("/"))
    arguments: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    folders: set[PurePosixPath] = field(default_factory=lambda: set(map(PurePosixPath, _FOLDERS)))
    copied: dict[PurePosixPath, Path] = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)
    options: set[str] = field(default_factory=set)
    reads: int = 0
    read_characters: int = 0

    def refuse(self, why: str) -> BadArgument:
        place = f"Line {self.line} of the Dockerfile, {self.instruction}" if self.line else "The Dockerfile"
        return BadArgument(
            f"{place}: {redact(why)}.",
            hint="A build context may start FROM a promptflow-runtime image, COPY files and RUN pip install. Any other "
            "image or build needs a container engine, which this server does not use.",
            target="properties.build.dockerfilePath",
        )

    def expand(self, text: str) -> str:
        """The text with the values of its variables, of which there is a bound: they may name each other."""
        known = {**self.arguments, **self.variables}
        size = len(text)

        def value(match: re.Match[str]) -> str:
            nonlocal size
            found = known.get(match["braced"] or match["plain"], "") or match["default"] or ""
            size += len(found)
            if size > _MAX_CHARACTERS:
                raise self.refuse("its variables expand to too much")
            return found

        return _VARIABLE.sub(value, text)

    def at(self, path: str) -> PurePosixPath:
        """Where that path is in the image."""
        parts: list[str] = []
        for part in (self.workdir / path).parts[1:]:
            if part == "..":
                parts = parts[:-1]
            else:
                parts.append(part)
        return PurePosixPath("/", *parts)

    def enter(self, path: str) -> None:
        self.workdir = self.at(path)
        self.folders.add(self.workdir)

    def copy(self, sources: Iterable[str], target: str) -> None:
        found = [match for source in sources for match in self._matching(source)]
        place = self.at(target)
        into = len(found) > 1 or target.endswith("/") or place in self.folders
        for match in found:
            if match.is_dir():
                self.folders.add(place)
                self.copied |= {place / each.relative_to(match): each for each in match.rglob("*") if each.is_file()}
            else:
                self.copied[place / match.name if into else place] = match
        if len(self.copied) > _MAX_COPIED:
            raise self.refuse(f"more than {_MAX_COPIED} files are copied")

    def require(self, lines: Iterable[str]) -> None:
        """Install what these lines of a requirements file name."""
        for line in lines:
            if is_index(line) and line.strip() not in self.options:
                # Each command may have an index of its own; uv takes one for all, and further ones.
                line = as_extra_index(line) if any(map(is_index, self.options)) else line
            if line.strip() not in self.options:
                self.requirements.append(line)
            if line.startswith("-"):
                self.options.add(line.strip())
            if len(self.options) > _MAX_OPTIONS:
                raise self.refuse("there are too many options")
        if sum(map(len, self.requirements)) > _MAX_CHARACTERS:
            raise self.refuse("there are too many requirements")

    def requirements_at(self, path: str, chain: tuple[PurePosixPath, ...] = ()) -> list[str]:
        """The lines of a requirements file in the image, those of the files that it includes among them. chain: the
        files that led here."""
        place = self.at(str(chain[-1].parent / path) if chain else path)
        file = self.copied.get(place)
        if file is None:
            raise self.refuse(f"{path} has not been copied to {place}")
        if place in chain or len(chain) > _MAX_DEPTH:
            raise self.refuse(f"{path} includes itself")
        lines: list[str] = []
        for line in self.read(PurePosixPath(file.relative_to(self.context)), f"{path} cannot be read").splitlines():
            match = _INCLUDE.match(line)
            lines += self.requirements_at(match["path"], (*chain, place)) if match else [line]
        return lines

    def read(self, path: PurePosixPath, missing: str) -> str:
        """A text of the context. missing: why it is refused when it is not there, or a link."""
        file = self.context.joinpath(*path.parts)
        if path.is_absolute() or ".." in path.parts or not file.is_file() or file.is_symlink():
            raise self.refuse(missing)
        try:
            text = read_bounded_text(file, shown=str(path))
        except RuntimeFailure as problem:
            raise self.refuse(problem.message) from None
        self.reads += 1
        self.read_characters += len(text)
        if self.reads > _MAX_READS or self.read_characters > _MAX_READ:
            raise self.refuse("it asks for too many or too large files")
        return text

    def _matching(self, source: str) -> list[Path]:
        """Files and folders of the context that the source names, wildcards resolved segment by segment."""
        if "://" in source:
            raise self.refuse(f"fetches {source.partition('?')[0][:120]}")
        segments = [each for each in PurePosixPath(source.lstrip("/")).parts if each != "."]
        if ".." in segments:
            raise self.refuse(f"{source!r} leaves the build context")
        places = [self.context]
        for segment in segments:
            places = [
                each
                for place in places
                if place.is_dir()
                for each in sorted(place.iterdir())
                if fnmatchcase(each.name, segment)
            ]
        if not places:
            raise self.refuse(f"{source!r} is not in the build context")
        return places
