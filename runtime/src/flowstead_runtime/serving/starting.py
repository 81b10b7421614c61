"""Getting a flow ready to serve, and saying clearly why it cannot be."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.errors import (
    ConnectionInvalid,
    FlowDefinitionError,
    FlowLoadError,
    RuntimeFailure,
)
from flowstead_runtime.flow.running import Flow
from flowstead_runtime.serving.exit_codes import FLOW_CANNOT_START, PACKAGE_MISSING
from flowstead_runtime.serving.frames import user_lines
from flowstead_runtime.serving.slow_start import told_when_slow


@dataclass(eq=False)
class StartFailure(Exception):
    """The flow cannot start. text: a few lines for a person: what, where, why, next step; exit_code: see
    `exit_codes`."""

    text: str
    exit_code: int

    def __str__(self) -> str:
        return self.text


def load_flow(
    path: Path, connections_file: Path | None, init: Mapping[str, Any] | None = None, *, hosted: bool = False
) -> Flow:
    """Import the flow's code, resolve its connections and make its plan, with the flow's folder as the working
    directory. Raises StartFailure, whatever went wrong, user code that calls sys.exit included."""
    path = path.absolute()
    connections_file = connections_file.absolute() if connections_file else None
    try:
        with told_when_slow():
            return _open(path, connections_file, init, hosted)
    except (Exception, SystemExit) as problem:
        raise explain(path, problem) from problem


def explain(path: Path, problem: BaseException) -> StartFailure:
    """The failure as the lines to print."""
    package = _missing_package(problem)
    cause, *more = _cause(problem).splitlines()
    lines = [
        "The flow cannot start.",
        f"  flow:  {path}",
        f"  cause: {cause}",
        *(f"    {line}" for line in (*more, *_user_frames(problem))),
        f"  next:  {_next_step(problem, package)}",
    ]
    SECRETS.learn_environment(os.environ)
    text = SECRETS.hide("\n".join(lines))
    return StartFailure(text, PACKAGE_MISSING if package else FLOW_CANNOT_START)


def _open(path: Path, connections_file: Path | None, init: Mapping[str, Any] | None, hosted: bool) -> Flow:
    from flowstead_runtime import promptflow_api
    from flowstead_runtime.connections.sources import Connections
    from flowstead_runtime.flow.open import open_flow

    if not path.exists():
        raise FlowDefinitionError(f"there is no flow at {path}")
    connections = Connections(os.environ, file=connections_file)
    os.chdir(path if path.is_dir() else path.parent)
    promptflow_api.install()
    return open_flow(path, connections=connections, environ=os.environ, init=init, confined=hosted)


def _cause(problem: BaseException) -> str:
    if isinstance(problem, SystemExit):
        return f"the flow's code called sys.exit({problem.code!r}) while it was loaded"
    text = problem.message if isinstance(problem, RuntimeFailure) else str(problem)
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


def _chain(problem: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    step: BaseException | None = problem
    while step is not None and id(step) not in seen:
        seen.add(id(step))
        yield step
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)


def _missing_package(problem: BaseException) -> str:
    for step in _chain(problem):
        if isinstance(step, FlowLoadError) and step.package:
            return step.package
        if isinstance(step, ModuleNotFoundError) and step.name:
            return step.name.partition(".")[0]
    return ""


def _user_frames(problem: BaseException) -> list[str]:
    """The last lines of the traceback that are not the runtime's own. Failures of the runtime's own kinds say in their
    message what there is to say."""
    if isinstance(problem, RuntimeFailure):
        return []
    for step in reversed(list(_chain(problem))):
        lines = user_lines(traceback.extract_tb(step.__traceback__))
        if lines:
            return [*lines, *"".join(traceback.format_exception_only(step)).rstrip().splitlines()]
    return []


def _next_step(problem: BaseException, package: str) -> str:
    if package:
        return (
            f"add {package} (or the distribution that provides it) to requirements.txt in the flow's folder, or "
            "install it where the flow runs"
        )
    if isinstance(problem, ConnectionInvalid):
        return "give the connection, by --connections FILE or as told above, and start again"
    if isinstance(problem, FlowDefinitionError):
        return "mend the file named above and start again"
    return "mend the flow's code where the lines above point and start again"
