"""No phase, action or kind of operation is left out where the server is killed in the midst of things."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

import pytest

from flowstead.reconcile import phases
from flowstead.reconcile.decision import Action
from flowstead.reconcile.phases import Phase
from flowstead.resources.operation import OperationKind
from tests.kill_points import IN_NO_WAIT, POINTS

WAYS: dict[str, Sequence[Phase[Any]]] = {
    "create|update|start deployment": phases.DEPLOYMENT_PHASES,
    "stop deployment": phases.DEPLOYMENT_STOP,
    "delete deployment": phases.DEPLOYMENT_DELETION,
    "create|update endpoint": phases.ENDPOINT_PHASES,
    "delete endpoint": phases.ENDPOINT_DELETION,
}
LISTED = [each.removeprefix("+") for each in POINTS]


@pytest.mark.parametrize("way", WAYS)
def test_the_server_is_killed_in_each_phase(way: str) -> None:
    kinds, _, what = way.partition(" ")
    names = [each.name for each in WAYS[way]]
    come_to = {each.split()[2] for each in LISTED if each.split()[0] in kinds.split("|") and each.split()[1] == what}
    if way == "stop deployment":  # its route goes as that of a deletion does
        names.remove("RouteSwitched")
    assert [each for each in names if each not in come_to and each not in IN_NO_WAIT] == []


def test_no_list_of_phases_is_forgotten() -> None:
    """A list that is added to the phases belongs here too."""
    lists = [each for name, each in vars(phases).items() if name.isupper() and _is_list_of_phases(each)]
    assert len(lists) == len(WAYS)
    assert all(any(each is known for known in WAYS.values()) for each in lists)


def test_the_server_is_killed_after_each_kind_of_action() -> None:
    missing = [each.__name__ for each in typing.get_args(Action) if not _ends(f"after {each.__name__}")]
    assert missing == []


def test_the_server_is_killed_in_each_kind_of_operation() -> None:
    assert [kind for kind in OperationKind if not any(each.startswith(f"{kind.value} ") for each in LISTED)] == []


def _ends(words: str) -> bool:
    return any(each.endswith(words) for each in LISTED)


def _is_list_of_phases(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(each, Phase) for each in value)
