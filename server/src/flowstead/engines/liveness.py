"""What an instance's answers to health checks mean: whether it is ready, whether it hangs and is to be replaced. Pure.

There is one question, GET /health, asked far more often than Azure's probes would: all the time until it is ready, then
every second. The probes' fields say what the answers mean:

    timeoutS          an answer that takes longer is a failure
    initialDelayS     failures so soon after the start do not count; it is no sleep, a first 200 within it makes ready
    successThreshold  successes, one a period, in a row until it is ready
    failureThreshold  failures, one a period, in a row until a start (readiness) or an instance (liveness) is given up

Two rules are ours, for who is stopped and for who is silent, since Azure's default liveness probe takes 300 s to act.
Where it is sooner, it acts sooner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flowstead.resources.deployment import AZURE_PROBE, ProbeSettings, RequestSettings
from flowstead.supervise.standstill import STANDSTILL_S

OWES_S = 1.0
"""How long a question must have been open before anybody looks whether the process is stopped, seconds."""

SILENT_S = 10.0
"""Any other that is silent, not even saying that it is blocked, may be computing with the interpreter to itself. That
is a blocked event loop in another guise, so it gets the request time-out and so many seconds on top. One that answers,
and says 503, is the liveness probe's matter."""

LONGEST_START_S = 1800.0
"""No start takes longer, whatever the probe settings say, seconds."""

_FIRST_START_S = 5.0
"""By how much longer than its limit a start is let be, seconds: at a first the reconciler gives up, and says why."""

AWAY_S = 5.0
"""Who has not looked for so long was away itself, stopped or suspended, and knows nothing of that time."""

UNRESPONSIVE, LIVENESS_FAILED = "Unresponsive", "LivenessProbeFailed"


@dataclass(frozen=True)
class Probes:
    """By which one instance is judged."""

    liveness: ProbeSettings = AZURE_PROBE
    readiness: ProbeSettings = AZURE_PROBE
    request_timeout_s: float = RequestSettings.request_timeout_s

    @property
    def patience_s(self) -> float:
        """How long an answer is waited for at most."""
        return max(self.liveness.timeout_s, self.readiness.timeout_s)


AZURE_PROBES = Probes()


def start_limit_s(readiness: ProbeSettings) -> float:
    """How long a start may take until it is ready, seconds: the failures that it is allowed, and the successes in a row
    that it has to show."""
    periods = readiness.failure_threshold + readiness.success_threshold - 1
    return min(LONGEST_START_S, readiness.initial_delay_s + readiness.period_s * periods)


@dataclass(frozen=True)
class Answers:
    """What a process has answered so far. watched_since: when the first question was asked. heard: it has answered at
    all. silent_since, failing_since, well_since: when the first was asked of the questions in a row, up to the last,
    that had no answer; that failed the liveness probe; that passed the readiness probe. Monotonic; None for no such
    row."""

    watched_since: float
    heard: bool = False
    silent_since: float | None = None
    failing_since: float | None = None
    well_since: float | None = None


def answered(before: Answers, probes: Probes, *, asked_at: float, took_s: float, well: bool) -> Answers:
    """well: it said 200."""
    alive = well and took_s <= probes.liveness.timeout_s
    ready = well and took_s <= probes.readiness.timeout_s
    return replace(
        before,
        heard=True,
        silent_since=None,
        failing_since=None if alive else _first(before.failing_since, asked_at),
        well_since=_first(before.well_since, asked_at) if ready else None,
    )


def not_answered(before: Answers, *, asked_at: float) -> Answers:
    return replace(
        before,
        silent_since=_first(before.silent_since, asked_at),
        failing_since=_first(before.failing_since, asked_at),
        well_since=None,
    )


def after_absence(before: Answers, now: float) -> Answers:
    """Whoever asks has been away: no row of questions goes on, and a start has all its time again."""
    return Answers(before.watched_since if before.heard else now, before.heard)


def has_become_ready(answers: Answers, probe: ProbeSettings, now: float) -> bool:
    if answers.well_since is None:
        return False
    return now - answers.well_since >= (probe.success_threshold - 1) * probe.period_s


def silent_s(answers: Answers, now: float) -> float:
    """How long it has been silent after it had answered; 0 for one that never has: it is still importing."""
    return now - answers.silent_since if answers.heard and answers.silent_since is not None else 0.0


def useless_s(answers: Answers, request_timeout_s: float, now: float) -> float:
    """For how long it has been known to do nothing of use: it says that it is not well, or is silent for longer than a
    request may compute."""
    said, silent = answers.failing_since, answers.silent_since
    if said is not None and (silent is None or said < silent):
        return now - said
    return 0.0 if silent is None else max(0.0, now - silent - request_timeout_s)


def why_replaced(answers: Answers, probes: Probes, now: float, *, stopped: bool = False) -> tuple[str, str] | None:
    """(one word, a sentence) when it is to be ended and started again. stopped: the system has kept it from running
    (SIGSTOP, a debugger) for STANDSTILL_S."""
    if stopped:
        return UNRESPONSIVE, f"Killed because it did not answer: it was stopped, for {STANDSTILL_S:.0f} s at least."
    late_s = start_limit_s(probes.readiness)
    if not answers.heard and now - answers.watched_since >= late_s + _FIRST_START_S:
        return UNRESPONSIVE, f"Killed because it did not answer within {late_s:.0f} s of its start."
    silent, limit = silent_s(answers, now), SILENT_S + probes.request_timeout_s
    if silent >= limit:
        longer = f"longer than a request may take and {SILENT_S:.0f} s more"
        return UNRESPONSIVE, f"Killed because it did not answer for {silent:.0f} s: {longer}."
    probe = probes.liveness
    if answers.failing_since is None:
        return None
    failing = now - max(answers.failing_since, answers.watched_since + probe.initial_delay_s)
    if failing < probe.period_s * probe.failure_threshold:
        return None
    times = "once" if probe.failure_threshold == 1 else f"{probe.failure_threshold} times"
    return (
        LIVENESS_FAILED,
        f"Killed because its liveness probe failed for {failing:.0f} s: {times} in a row, every {probe.period_s:g} s.",
    )


def _first(known: float | None, now: float) -> float:
    return now if known is None else known
