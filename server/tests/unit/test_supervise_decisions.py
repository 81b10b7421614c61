from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from flowstead.supervise.specification import ProcessSpec, ProcessState
from flowstead.supervise.supervisor import after_end, falls_asleep


def _spec(**changes: Any) -> dict[str, Any]:
    return asdict(ProcessSpec(argv=("/bin/true",), environment={}, working_directory="/", log="/dev/null", **changes))


def test_delays_double_up_to_the_longest() -> None:
    spec = _spec(first_backoff_s=0.5, longest_backoff_s=3.0)
    delays, failures = [], 0
    for _ in range(5):
        delay, failures, _ = after_end(spec, 0.0, 1, failures)
        delays.append(delay)
    assert delays == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_stable_process_starts_the_back_off_anew() -> None:
    spec = _spec(first_backoff_s=0.5, stable_after_s=10.0)
    assert after_end(spec, 10.0, -9, 7) == (0.5, 0, False)
    assert after_end(spec, 9.9, -9, 7)[0] == 30.0


def test_who_is_killed_by_somebody_is_started_again_at_once_however_often() -> None:
    spec = _spec(give_up_after=5, retry_first_s=10.0)
    failures = 0
    for _ in range(9):
        delay, failures, given_up = after_end(spec, 0.5, -9, failures, by_others=True)
        assert (delay, failures, given_up) == (0.1, 0, False)
    assert after_end(spec, 0.5, -9, 3, by_others=True) == (0.4, 3, False), "as after the ends of its own"


def test_many_failures_do_not_overflow() -> None:
    assert after_end(_spec(longest_backoff_s=30.0), 0.0, 1, 100_000) == (30.0, 100_001, False)


@pytest.mark.parametrize("lived", [0.0, 100.0])
def test_a_fatal_exit_code_ends_it_however_long_it_lived(lived: float) -> None:
    assert after_end(_spec(fatal_exit_codes=(3,)), lived, 3, 0)[0] is None
    assert after_end(_spec(fatal_exit_codes=(3,)), lived, 4, 0)[0] is not None


def test_giving_up_counts_only_ends_in_a_row() -> None:
    spec = _spec(give_up_after=2, stable_after_s=10.0)
    delay, failures, _ = after_end(spec, 0.0, 1, 0)
    assert delay is not None
    assert after_end(spec, 0.0, 1, failures)[0] is None
    delay, failures, _ = after_end(spec, 11.0, 1, failures)
    assert (delay, failures) == (0.1, 0)


def test_what_was_given_up_is_tried_again_ever_later_when_that_is_wanted() -> None:
    spec = _spec(give_up_after=3, retry_first_s=10.0, retry_longest_s=300.0, fatal_exit_codes=(78,))
    seen, failures = [], 0
    for _ in range(9):
        delay, failures, given_up = after_end(spec, 1.0, 1, failures)
        seen.append((delay, given_up))
    assert seen[:2] == [(0.1, False), (0.2, False)]
    assert seen[2:] == [(each, True) for each in (10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0)]
    assert after_end(spec, 1.0, 78, 0) == (10.0, 1, True)
    assert after_end(spec, 60.0, 1, 9) == (0.1, 0, False)
    seen, failures = [], 0
    for _ in range(7):
        delay, failures, given_up = after_end(spec, 1.0, 78, failures)
        seen.append((delay, given_up))
    assert seen == [(each, True) for each in (10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0)], "at once for this one"


def test_the_supervisor_speaks_of_the_states_that_the_client_knows() -> None:
    written = {"running", "backing-off", "gave-up", "dormant", "stopping"}
    assert written | {ProcessState.LOST.value} == {state.value for state in ProcessState}


@pytest.mark.parametrize(
    ("sockets", "sleeps_at", "exit_code", "asleep"),
    [(("/s",), 80, 80, True), (("/s",), 80, 0, False), (("/s",), 80, -9, False), (("/s",), None, 80, False),
     ((), 80, 80, False)],
)  # fmt: skip
def test_only_the_one_exit_code_puts_it_to_sleep(
    sockets: tuple[str, ...], sleeps_at: int | None, exit_code: int, asleep: bool
) -> None:
    assert falls_asleep(_spec(sockets=sockets, sleep_exit_code=sleeps_at), exit_code) is asleep
