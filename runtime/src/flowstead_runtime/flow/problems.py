"""All that can be said against a flow's files without running them, each with its place.

The server calls this on files that it does not trust: they are parsed and never imported.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from flowstead_runtime.errors import FlowDefinitionError, Reason
from flowstead_runtime.flow import checks
from flowstead_runtime.flow.definition import FlowDefinition, FlowKind
from flowstead_runtime.flow.load import draft_dag, find_definition_file, kind_of, read_definition
from flowstead_runtime.flow.requirements import check_package_tools
from flowstead_runtime.secret_values import looks_secret
from flowstead_runtime.tools.front_matter import split_front_matter
from flowstead_runtime.yaml_file import read_bounded_text

MAX_SOURCE_CHARACTERS = 1_000_000
"""A longer file is no source that somebody wrote, and parsing it takes seconds."""
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
    """Look at the flow in a folder: its definition, its sources, what looks like a secret."""
    try:
        definition, found = _definition(folder)
    except FlowDefinitionError as error:
        definition, found = None, [_told(error, folder)]
    sources = [problem for path in _files(folder) for problem in _source_problems(path, folder)]
    secrets = [] if definition is None else list(_secret_variables(definition, folder))
    return Examined(definition, (*found, *sources, *secrets))


def is_secret_file(path: str) -> bool:
    """Whether a file of that name usually holds secrets, which belong into connections."""
    name = PurePosixPath(path).name
    return bool(_SECRET_FILE.fullmatch(name)) and name.lower() not in _NO_SECRETS


def _definition(folder: Path) -> tuple[FlowDefinition, list[Problem]]:
    file = find_definition_file(folder)
    if kind_of(file) is not FlowKind.DAG:
        definition, errors = read_definition(folder), list[FlowDefinitionError]()
    else:
        definition, lines = draft_dag(file)
        errors = list(checks.problems(definition, lines))
    try:
        check_package_tools(definition)
    except FlowDefinitionError as error:
        errors.append(error)
    return definition, [_told(error, folder) for error in errors]


def _told(error: FlowDefinitionError, folder: Path) -> Problem:
    column = error.column or _first_column(folder / error.file, error.line)
    message = error.problem.replace(str(folder), "the flow's folder")
    return Problem(error.reason, message, error.file, error.line, column)


def _first_column(file: Path, line: int) -> int:
    """Where the text of a line begins, 0 when there is no such line."""
    if not line or not file.is_file():
        return 0
    try:
        lines = read_bounded_text(file, shown=file.name).splitlines()
    except FlowDefinitionError:
        return 0
    text = lines[line - 1] if line <= len(lines) else ""
    return len(text) - len(text.lstrip()) + 1 if text.strip() else 0


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _source_problems(path: Path, folder: Path) -> Iterator[Problem]:
    name = path.relative_to(folder).as_posix()
    if is_secret_file(name):
        message = "files of this name hold secrets, and go wherever the flow goes; use a connection instead"
        yield Problem(Reason.SECRET, message, name, warning=True)
    parse = _PARSERS.get(path.suffix)
    if parse is None:
        return
    try:
        text = read_bounded_text(path, shown=name)
    except FlowDefinitionError as error:
        yield _told(error, folder)
        return
    if len(text) > MAX_SOURCE_CHARACTERS:
        yield Problem(_REASONS[path.suffix], "is too long to be looked at", name, warning=True)
        return
    try:
        yield from parse(text, name)
    except (RecursionError, MemoryError):
        yield Problem(_REASONS[path.suffix], "is nested too deeply", name)


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


_PARSERS: dict[str, Callable[[str, str], Iterator[Problem]]] = {
    ".py": _python_problems,
    ".jinja2": _template_problems,
    ".jinja": _template_problems,
    ".prompty": _prompty_problems,
}
_REASONS = {
    ".py": Reason.PYTHON,
    ".jinja2": Reason.TEMPLATE,
    ".jinja": Reason.TEMPLATE,
    ".prompty": Reason.TEMPLATE,
}
