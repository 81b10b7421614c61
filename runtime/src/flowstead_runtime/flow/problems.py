"""All that can be said against a flow's files without running them, each with its place.

The server calls this on files that it does not trust: they are parsed and never imported.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from flowstead_runtime.errors import FlowDefinitionError, Reason
from flowstead_runtime.flow import checks
from flowstead_runtime.flow.definition import FlowDefinition, FlowKind
from flowstead_runtime.flow.load import draft, find_definition_file
from flowstead_runtime.flow.requirements import check_package_tools
from flowstead_runtime.secret_values import looks_secret
from flowstead_runtime.tools.front_matter import split_front_matter
from flowstead_runtime.yaml_file import read_bounded_text

MAX_SOURCE_CHARACTERS = 250_000
"""A longer file is no source that somebody wrote, and parsing it takes seconds."""
MAX_CHARACTERS = 4 * MAX_SOURCE_CHARACTERS
"""Of all sources of a flow that are looked at."""
MAX_PROBLEMS = 100
"""Nobody mends more at a time. What follows is counted, and said in one line."""
MAX_MESSAGE = 500
"""Characters: it may repeat what the file says."""
_SECRET_FILE = re.compile(
    r"(?i)\.env(?:\..+)?|\.netrc|\.pypirc|id_(?:rsa|dsa|ecdsa|ed25519)|credentials(?:\.json)?|.+\.(?:pem|key|pfx|p12)"
)
_NO_SECRETS = (".env.example", ".env.sample", ".env.template")


@dataclass(frozen=True)
class Problem:
    """file: below the flow's folder, "" for the flow as a whole. line, column: from 1, 0 for unknown. warning: the flow
    runs nevertheless."""

    reason: Reason
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    warning: bool = False


@dataclass(frozen=True)
class Examined:
    """definition: as far as it could be read, None when the folder holds no flow."""

    definition: FlowDefinition | None
    problems: tuple[Problem, ...]

    @property
    def valid(self) -> bool:
        return all(each.warning for each in self.problems)


def examine(folder: Path) -> Examined:
    """Look at the flow in a folder: its definition, its sources, what looks like a secret. Of a great many problems
    the first `MAX_PROBLEMS` are told, and one more says how many are left."""
    try:
        definition, errors = _definition(folder)
    except FlowDefinitionError as error:
        definition, errors = None, [error]
    teller = _Teller(folder)
    found = [teller.told(error) for error in errors[:MAX_PROBLEMS]]
    left = len(errors) - len(found)
    found += _Sources(folder, teller).problems()
    found += [] if definition is None else _secret_variables(definition, folder)
    return Examined(definition, _bounded(found, left))


def is_secret_file(path: str) -> bool:
    """Whether a file of that name usually holds secrets, which belong into connections."""
    name = PurePosixPath(path).name
    return bool(_SECRET_FILE.fullmatch(name)) and name.lower() not in _NO_SECRETS


def _bounded(found: Sequence[Problem], left: int) -> tuple[Problem, ...]:
    """left: errors beside those that were found."""
    if len(found) <= MAX_PROBLEMS and not left:
        return tuple(found)
    ordered = sorted(found, key=lambda each: each.warning)  # no error is left out for a warning
    told, rest = ordered[:MAX_PROBLEMS], ordered[MAX_PROBLEMS:]
    only_warnings = not left and all(each.warning for each in rest)
    return (*told, Problem(Reason.MORE, f"and {len(rest) + left} more", warning=only_warnings))


def _definition(folder: Path) -> tuple[FlowDefinition, list[FlowDefinitionError]]:
    definition, lines = draft(find_definition_file(folder))
    errors = list(checks.problems(definition, lines)) if definition.kind is FlowKind.DAG else []
    try:
        check_package_tools(definition)
    except FlowDefinitionError as error:
        errors.append(error)
    return definition, errors


class _Teller:
    """What an error says, with its place in the folder. Each file is read once, however many errors it has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: dict[str, Sequence[str]] = {}

    def told(self, error: FlowDefinitionError) -> Problem:
        column = error.column or (self._first_column(error.file, error.line) if error.line else 0)
        message = error.problem.replace(str(self._folder), "the flow's folder")
        if len(message) > MAX_MESSAGE:
            message = f"{message[:MAX_MESSAGE]}…"
        return Problem(error.reason, message, error.file, error.line, column)

    def _first_column(self, name: str, line: int) -> int:
        """Where the text of a line begins, 0 when there is no such line."""
        if name not in self._lines:
            self._lines[name] = self._read(name)
        lines = self._lines[name]
        text = lines[line - 1] if line <= len(lines) else ""
        return len(text) - len(text.lstrip()) + 1 if text.strip() else 0

    def _read(self, name: str) -> Sequence[str]:
        try:
            return read_bounded_text(self._folder / name, shown=name).splitlines()
        except FlowDefinitionError:
            return ()


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


class _Sources:
    """What else lies in the flow's folder, looked at file by file."""

    def __init__(self, folder: Path, teller: _Teller) -> None:
        self._folder = folder
        self._teller = teller
        self._left = MAX_CHARACTERS

    def problems(self) -> Iterator[Problem]:
        for path in _files(self._folder):
            name = path.relative_to(self._folder).as_posix()
            if is_secret_file(name):
                message = "files of this name hold secrets, and go wherever the flow goes; use a connection instead"
                yield Problem(Reason.SECRET, message, name, warning=True)
            if path.suffix in _PARSERS:
                yield from self._parsed(path, name)

    def _parsed(self, path: Path, name: str) -> Iterator[Problem]:
        reason, parse = _PARSERS[path.suffix]
        try:
            text = read_bounded_text(path, shown=name)
        except FlowDefinitionError as error:
            yield self._teller.told(error)
            return
        if len(text) > min(MAX_SOURCE_CHARACTERS, self._left):
            yield Problem(reason, "is too long to be looked at", name, warning=True)
            return
        self._left -= len(text)
        try:
            yield from parse(text, name)
        except (RecursionError, MemoryError):
            yield Problem(reason, "is nested too deeply", name)


def _python_problems(text: str, name: str) -> Iterator[Problem]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `"\d"` is the author's business
            ast.parse(text, name)
    except SyntaxError as error:
        yield Problem(Reason.PYTHON, error.msg, name, error.lineno or 0, max(error.offset or 0, 0))
    except ValueError as error:  # a null byte
        yield Problem(Reason.PYTHON, str(error), name)


def _template_problems(text: str, name: str) -> Iterator[Problem]:
    yield from _jinja_problems(text, name, 1)


def _prompty_problems(text: str, name: str) -> Iterator[Problem]:
    parts = split_front_matter(text)
    if parts is not None:  # else the definition says so
        template = parts[1]
        yield from _jinja_problems(template, name, text.count("\n") - template.count("\n") + 1)


def _jinja_problems(text: str, name: str, first_line: int) -> Iterator[Problem]:
    try:
        SandboxedEnvironment().parse(text)
    except jinja2.TemplateSyntaxError as error:
        line = text.splitlines()[error.lineno - 1 : error.lineno]
        column = len(line[0]) - len(line[0].lstrip()) + 1 if line else 0
        yield Problem(Reason.TEMPLATE, error.message or "bad template", name, error.lineno + first_line - 1, column)


def _secret_variables(definition: FlowDefinition, folder: Path) -> Iterator[Problem]:
    for variable, value in definition.environment_variables.items():
        if looks_secret(variable, value):
            message = f"environment_variables.{variable} holds what looks like a secret; use a connection instead"
            yield Problem(Reason.SECRET, message, definition.file.relative_to(folder).as_posix(), warning=True)


_PARSERS: dict[str, tuple[Reason, Callable[[str, str], Iterator[Problem]]]] = {
    ".py": (Reason.PYTHON, _python_problems),
    ".jinja2": (Reason.TEMPLATE, _template_problems),
    ".jinja": (Reason.TEMPLATE, _template_problems),
    ".prompty": (Reason.TEMPLATE, _prompty_problems),
}
