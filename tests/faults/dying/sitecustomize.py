"""Python imports this by itself in a process that has this folder in PYTHONPATH. It lets the server be killed at one
exact point, again and again: the file that FLOWSTEAD_TEST_DIE_AT names says at which.

    {kind of operation} {endpoint|deployment} {phase or -} {before|after}   the decision is written down
    {endpoint|deployment} after {action}                                    it has been carried out
    the words in ELSEWHERE                                                  the rest

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
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

POINT = os.environ.get("FLOWSTEAD_TEST_DIE_AT", "")
ELSEWHERE = (
    ("flowstead.gateway.process", "EnvoyGateway.publish", "after", "gateway published"),
    ("flowstead.supervise", "hand_over", "after", "gateway handed over"),
    ("flowstead.gateway.life", "EnvoyLife._start", "after", "gateway started"),
    ("flowstead.gateway.life", "EnvoyLife._taken_over", "after", "gateway taken over"),
    ("flowstead.environments.uv_command", "Uv._follow", "before", "uv running"),
    ("flowstead.store.drafts", "Draft.write", "after", "upload written"),
    ("flowstead.store.content", "Contents._settle", "before", "registration copied"),
    ("flowstead.flow_tests.relay", "_relay", "before", "test running"),
    ("flowstead.store.uploads", "Uploads.remove", "after", "garbage removed"),
)
"""Module, callable, before or after it, and the point's name."""


class _Finder(importlib.abc.MetaPathFinder):
    """Changes the modules above right after they were loaded."""

    def __init__(self) -> None:
        self._left = {LOOP, ACT, PHASES, *(where for where, *_ in ELSEWHERE)}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._left:
            return None
        self._left.remove(name)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        loader: Any = spec.loader
        run = loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            _change(name, module)

        loader.exec_module = exec_module
        return spec


LOOP, ACT, PHASES = "flowstead.reconcile.loop", "flowstead.reconcile.act", "flowstead.reconcile.phases"
DRAIN_S = 3.0
"""Longer than in the product, seconds: on a busy machine a server that has just started would else find instances
drained before it comes to the phase that waits for it."""


def _change(name: str, module: Any) -> None:
    if name == LOOP:
        deciding = _Deciding(module)
        module.decide_endpoint = deciding.decide_endpoint
        module.record_decision = deciding.record_decision
    if name == PHASES:
        module.DRAIN_S = DRAIN_S
    if name == ACT:
        module.Actor.carry_out = _carrying_out(module.Actor.carry_out)
    for where, what, when, point in ELSEWHERE:
        if where == name:
            owner, _, attribute = what.rpartition(".")
            place = getattr(module, owner) if owner else module
            setattr(place, attribute, _dying(getattr(place, attribute), when, point))


class _Deciding:
    """An endpoint's status names no phase, so the phases are asked once more."""

    def __init__(self, module: Any) -> None:
        self._decide, self._record = module.decide_endpoint, module.record_decision
        self._phase = "-"

    def decide_endpoint(self, view: Any) -> Any:
        from flowstead.reconcile.decision import Act
        from flowstead.reconcile.phases import ENDPOINT_DELETION, ENDPOINT_PHASES

        phases = ENDPOINT_DELETION if view.record.deleting else ENDPOINT_PHASES
        self._phase = next((each.name for each in phases if isinstance(each.check(view), Act)), "-")
        return self._decide(view)

    def record_decision(self, store: Any, record: Any, decision: Any, operation: Any, *rest: Any, **named: Any) -> bool:
        if operation is None:
            return bool(self._record(store, record, decision, operation, *rest, **named))
        phase = getattr(decision.status, "phase", self._phase) or "-"
        words = f"{operation.kind.value} {record.kind.value} {phase}"
        _die_at(f"{words} before")
        answer = bool(self._record(store, record, decision, operation, *rest, **named))
        _die_at(f"{words} after")
        return answer


def _carrying_out(carry_out: Callable[..., None]) -> Callable[..., None]:
    def carried_out(actor: Any, action: Any, record: Any, *rest: Any) -> None:
        carry_out(actor, action, record, *rest)
        _die_at(f"{record.kind.value} after {type(action).__name__}")

    return carried_out


def _dying(run: Callable[..., Any], when: str, point: str) -> Callable[..., Any]:
    @wraps(run)
    def dying(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            _die_at(point)
        answer = run(*arguments, **named)
        if when == "after":
            _die_at(point)
        return answer

    return dying


def _die_at(point: str) -> None:
    file = Path(POINT)
    if file.exists() and file.read_text() == point:
        file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


if POINT:
    sys.meta_path.insert(0, _Finder())
