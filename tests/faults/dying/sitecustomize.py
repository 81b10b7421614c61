"""Python imports this by itself in a process that has this folder in PYTHONPATH. It lets the server be killed at one
exact point, again and again: the file that FLOWSTEAD_TEST_DIE_AT names says at which.

    {kind of operation} {endpoint|deployment} {phase or -} {before|after}   the decision is written down

The file is removed at the moment of the kill, so the next server lives. Nothing of this is in the product.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

POINT = os.environ.get("FLOWSTEAD_TEST_DIE_AT", "")
WHERE = "flowstead.reconcile.loop"


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != WHERE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        loader: Any = spec.loader
        run = loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            module.record_decision = _dying(module.record_decision)

        loader.exec_module = exec_module
        return spec


def _dying(record_decision: Callable[..., bool]) -> Callable[..., bool]:
    def record(store: Any, record: Any, decision: Any, operation: Any, target: Any = None) -> bool:
        if operation is None:
            return record_decision(store, record, decision, operation, target)
        phase = getattr(decision.status, "phase", "") or "-"
        words = f"{operation.kind.value} {record.kind.value} {phase}"
        _die_at(f"{words} before")
        answer = record_decision(store, record, decision, operation, target)
        _die_at(f"{words} after")
        return answer

    return record


def _die_at(point: str) -> None:
    file = Path(POINT)
    if file.exists() and file.read_text() == point:
        file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


if POINT:
    sys.meta_path.insert(0, _Finder())
