"""Names that may be imported where a flow is served, though nothing can be done with them: flows import them for what
they do elsewhere. Using one says so."""

from __future__ import annotations

from functools import cache
from typing import Any, NoReturn

NAMES = ("FlowContext", "PFClient", "Run", "load_run")


class _Absent:
    def __init__(self, *_: Any, **__: Any) -> None:
        _refuse(type(self).__name__)


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(name)
    return _named(name)


@cache
def _named(name: str) -> type[_Absent]:
    return type(name, (_Absent,), {"__module__": __name__, "__doc__": "Not available where a flow is served."})


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(
        f"promptflow's {name} develops and manages flows, which a flow that is being served cannot do. Use it where "
        "the flow is developed (for example under 'if __name__ == \"__main__\":'). To call another flow, use "
        "'from promptflow.core import Flow' and Flow.load(path)."
    )
