from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from flowstead.environments.interpreters import Interpreter, Interpreters
from flowstead.errors import BadArgument

OWN = Interpreter("3.11.7", Path("/own"))
OLD = Interpreter("3.9.2", Path("/old"))
NEW = Interpreter("3.13.0", Path("/new"))
NEWER = Interpreter("3.13.1", Path("/newer"))
EARLY = Interpreter("3.14.0rc1", Path("/early"))


class Machine:
    """Whose interpreters change, and whose time passes as the test says."""

    def __init__(self, *there: Interpreter) -> None:
        self.there = there
        self.looks = 0
        self.now = 0.0
        self.interpreters = Interpreters(OWN, self._look, supported=">=3.11", monotonic=lambda: self.now)

    def _look(self) -> Sequence[Interpreter]:
        self.looks += 1
        return self.there


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("", OWN),
        ("==3.11.*", OWN),
        (">=3.8", OWN),
        ("==3.11.7", OWN),
        ("==3.9.*", OWN),
        ("<3.11", OWN),
        ("==3.13.*", NEWER),
        ("==3.13.0", NEW),
        (">=3.12,<3.14", NEWER),
    ],
)
def test_the_own_one_is_preferred_and_others_are_found(wanted: str, chosen: Interpreter) -> None:
    machine = Machine(EARLY, NEWER, NEW, OLD)
    assert machine.interpreters.choose(wanted) == chosen
    assert machine.looks == (chosen is not OWN)


@pytest.mark.parametrize("wanted", ["==3.12.*", "==3.14.*", ">3.14", "==2.7.*"])
def test_what_there_is_is_named(wanted: str) -> None:
    machine = Machine(EARLY, NEW, OLD, OWN)
    with pytest.raises(
        BadArgument, match=r"this machine has 3\.11\.7, 3\.13\.0, and the runtime needs >=3\.11"
    ) as refused:
        machine.interpreters.choose(wanted)
    assert f"Python {wanted.removeprefix('==').removesuffix('.*')};" in refused.value.message


def test_one_that_is_installed_later_is_found_without_looking_all_the_time() -> None:
    machine = Machine()
    for _ in range(3):
        with pytest.raises(BadArgument):
            machine.interpreters.choose("==3.13.*")
    assert machine.looks == 1
    machine.there, machine.now = (NEW,), 10.0
    with pytest.raises(BadArgument):
        machine.interpreters.choose("==3.13.*", look_again=False)
    assert machine.interpreters.choose("==3.13.*") == NEW
    assert machine.looks == 2
    assert machine.interpreters.choose("==3.13.*", look_again=False) == NEW


def test_the_own_one_serves_whatever_it_is() -> None:
    assert Interpreters(EARLY, lambda: (), supported=">=3.11").choose("") == EARLY
