"""What answers to health checks mean, without any."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowstead.engines.liveness import (
    AZURE_PROBES,
    LIVENESS_FAILED,
    UNRESPONSIVE,
    Answers,
    Probes,
    after_absence,
    answered,
    has_become_ready,
    not_answered,
    silent_s,
    start_limit_s,
    why_replaced,
)
from flowstead.resources.deployment import ProbeSettings

QUICK = Probes(liveness=ProbeSettings(5.0, 2.0, 1.0, 1, 3), request_timeout_s=20.0)
"""Five seconds do not count; three failures, two seconds apart."""


def _asked(answers: Answers, times: range, words: str, probes: Probes = AZURE_PROBES, took_s: float = 0.0) -> Answers:
    """A question at each moment. words: how they were answered."""
    for moment in times:
        if words == "silence":
            answers = not_answered(answers, asked_at=moment)
        else:
            answers = answered(answers, probes, asked_at=moment, took_s=took_s, well=words == "200")
    return answers


def test_a_first_success_within_the_initial_delay_makes_ready() -> None:
    answers = _asked(Answers(0.0), range(3), "503")
    assert not has_become_ready(answers, ProbeSettings(initial_delay_s=10.0), 3)
    answers = _asked(answers, range(3, 4), "200")
    assert has_become_ready(answers, ProbeSettings(initial_delay_s=10.0), 3)


def test_successes_are_counted_once_a_period_and_in_a_row() -> None:
    probe = ProbeSettings(period_s=2.0, success_threshold=3)
    answers = _asked(Answers(0.0), range(4), "200")
    assert not has_become_ready(answers, probe, 3)
    assert has_become_ready(answers, probe, 4)
    assert not has_become_ready(_asked(answers, range(4, 5), "503"), probe, 10)
    assert not has_become_ready(_asked(answers, range(4, 5), "silence"), probe, 10)


def test_an_answer_that_comes_too_late_is_a_failure_of_that_probe_alone() -> None:
    probes = Probes(liveness=ProbeSettings(timeout_s=5.0), readiness=ProbeSettings(timeout_s=1.0))
    answers = _asked(Answers(0.0), range(1), "200", probes, took_s=3.0)
    assert (answers.well_since, answers.failing_since, probes.patience_s) == (None, None, 5.0)
    answers = _asked(Answers(0.0), range(1), "200", probes, took_s=0.5)
    assert answers.well_since == 0


@pytest.mark.parametrize(("until", "replaced"), [(309, False), (310, True)])
def test_azures_liveness_probe_needs_300_s_after_its_delay(until: int, replaced: bool) -> None:
    answers = _asked(Answers(0.0), range(until), "503")
    why = why_replaced(answers, AZURE_PROBES, until)
    assert (why is not None) is replaced
    if why:
        assert why == (
            LIVENESS_FAILED,
            "Killed because its liveness probe failed for 300 s: 30 times in a row, every 10 s.",
        )


def test_a_success_begins_the_count_anew() -> None:
    answers = _asked(Answers(0.0), range(6), "503", QUICK)
    answers = _asked(answers, range(6, 7), "200", QUICK)
    answers = _asked(answers, range(7, 13), "503", QUICK)
    assert why_replaced(answers, QUICK, 12.9) is None
    assert why_replaced(answers, QUICK, 13.0) is not None


def test_failures_within_the_initial_delay_do_not_count() -> None:
    answers = _asked(Answers(0.0), range(11), "503", QUICK)
    assert why_replaced(answers, QUICK, 10.9) is None
    assert why_replaced(answers, QUICK, 11.0) is not None


def test_a_process_that_is_stopped_is_replaced_and_told_so() -> None:
    answers = _asked(Answers(0.0), range(60), "200")
    assert why_replaced(answers, AZURE_PROBES, 60.0) is None
    why = why_replaced(answers, AZURE_PROBES, 60.0, stopped=True)
    assert why == (UNRESPONSIVE, "Killed because it did not answer: it was stopped, for 3 s at least.")


def test_who_was_away_knows_of_no_row() -> None:
    answers = _asked(_asked(Answers(0.0), range(60), "200"), range(60, 500), "silence")
    assert why_replaced(answers, AZURE_PROBES, 510.0) is not None
    after = after_absence(answers, 510.0)
    assert why_replaced(after, AZURE_PROBES, 510.0) is None
    assert silent_s(_asked(after, range(510, 520), "silence"), 520.0) == 10.0, "it was heard before"


def test_a_start_that_nobody_has_watched_has_all_its_time_again() -> None:
    never_heard = after_absence(Answers(0.0), 400.0)
    assert why_replaced(Answers(0.0), AZURE_PROBES, 400.0) is not None
    assert why_replaced(never_heard, AZURE_PROBES, 400.0) is None
    assert why_replaced(never_heard, AZURE_PROBES, 400.0 + 315.0) is not None


def test_a_silent_one_that_may_be_computing_gets_the_request_time_out_too() -> None:
    answers = _asked(_asked(Answers(0.0), range(60), "200"), range(60, 100), "silence")
    probes = replace(AZURE_PROBES, request_timeout_s=20.0)
    assert why_replaced(answers, probes, 89.9) is None
    reason, message = why_replaced(answers, probes, 90.0) or ("", "")
    assert reason == UNRESPONSIVE
    assert "did not answer for 30 s" in message


def test_one_that_still_imports_is_not_silent_but_late() -> None:
    answers = _asked(Answers(0.0), range(200), "silence")
    assert silent_s(answers, 200.0) == 0.0
    assert why_replaced(answers, AZURE_PROBES, 200.0) is None
    assert why_replaced(answers, AZURE_PROBES, 310.0) is not None


def test_one_that_has_never_answered_has_as_long_as_a_start_may_take() -> None:
    probes = replace(AZURE_PROBES, readiness=ProbeSettings(1.0, 1.0, 1.0, 1, 12))
    answers = _asked(Answers(0.0), range(18), "silence", probes)
    assert why_replaced(answers, probes, 17.9) is None
    reason, message = why_replaced(answers, probes, 18.0) or ("", "")
    assert (reason, message) == (UNRESPONSIVE, "Killed because it did not answer within 13 s of its start.")
    heard = _asked(answers, range(18, 19), "503", probes)
    assert why_replaced(heard, probes, 18.0) is None, "its liveness probe decides now"


def test_a_start_may_show_its_successes_in_a_row_after_its_failures() -> None:
    assert start_limit_s(ProbeSettings(1.0, 1.0, 1.0, 20, 5)) == 25.0
    assert start_limit_s(AZURE_PROBES.readiness) == 310.0
    assert start_limit_s(ProbeSettings(0.0, 3600.0, 1.0, 1, 3600)) == 1800.0


def test_an_answer_of_any_kind_ends_the_silence() -> None:
    answers = _asked(_asked(Answers(0.0), range(1), "200"), range(1, 9), "silence")
    assert silent_s(_asked(answers, range(9, 10), "503"), 60.0) == 0.0
