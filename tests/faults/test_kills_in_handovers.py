"""Another Envoy takes over, and somebody is killed in the middle of it: callers go on, and one Envoy stays."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from flowstead import supervise
from flowstead.gateway.turns import seen_turns
from tests.dying_server import Dying
from tests.installation import FULL, eventually
from tests.lasting_streams import Site

POINTS = ("gateway handed over", "gateway started", "gateway taken over")
BACK_WITHIN_S = 5.0
"""Where Envoy dies with its supervisor and it is for the server to notice."""
PAUSES_S = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8) if FULL else (0.0, 0.2)
pytestmark = pytest.mark.timeout(900 if FULL else 300)


@pytest.fixture
def site(dying: Dying, tmp_path: Path) -> Site:
    return Site(dying.flowstead, tmp_path)


@pytest.mark.parametrize("point", POINTS if FULL else POINTS[1:2])
def test_the_server_is_killed(site: Site, dying: Dying, point: str) -> None:
    """Callers notice nothing, neither while it is dead nor when the next one finds two Envoys, or one that waits for
    the other."""
    with site.traffic() as traffic, site.stream(40) as told:
        traffic.passes(20, "traffic flows")
        site.kill_server()
        site.started_otherwise()
        dying.dies_starting(point)
        traffic.passes(50, "requests pass without a server")
        dying.up()
        traffic.passes(50, "requests pass with the next one")
    print(f"\nserver killed, {point}: {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}
    assert told["events"] >= 40
    _one_envoy_stays(site)


@pytest.mark.parametrize("whose", ["newer", "older"])
def test_the_supervisor_is_killed(site: Site, whose: str) -> None:
    """With it goes its Envoy. What was under way there is lost, and the door is open again soon."""
    for pause in PAUSES_S:
        with site.traffic() as traffic:
            traffic.passes(20, "traffic flows")
            site.kill_server()
            site.started_otherwise()
            with _coming_up(site):
                eventually("there are two", lambda: len(seen_turns(site.home.gateway_run)) == 2)
                time.sleep(pause)
                seen = seen_turns(site.home.gateway_run)
                if len(seen) < 2:
                    continue  # the handover was over already
                os.kill(seen[0 if whose == "newer" else 1].process.supervisor_pid, signal.SIGKILL)
                killed = time.monotonic()
            traffic.passes(50, "requests pass again")
        back = max((each.ended - killed for each in traffic.others_than("200")), default=0.0)
        print(
            f"\nsupervisor of the {whose} killed {pause:.2f} s into it: {dict(traffic.outcomes)}, "
            f"the last refusal {back:.2f} s after it"
        )
        assert back <= BACK_WITHIN_S
        _one_envoy_stays(site)


@contextmanager
def _coming_up(site: Site) -> Iterator[None]:
    """The server starts meanwhile; afterwards it has."""
    starting = threading.Thread(target=site.flowstead.up)
    starting.start()
    try:
        yield
    finally:
        starting.join(60)


def _one_envoy_stays(site: Site) -> None:
    eventually("one Envoy is supervised", lambda: len(seen_turns(site.home.gateway_run)) == 1)
    eventually("no other is left", lambda: len(_envoys(site)) == 1)
    [only] = seen_turns(site.home.gateway_run)
    assert only.process.state is supervise.ProcessState.RUNNING
    assert [each.pid for each in _envoys(site)] == [only.process.pid]


def _envoys(site: Site) -> list[psutil.Process]:
    """All that run on this home, supervised or not."""
    return [each for each in site.flowstead.processes() if _program(each) == "envoy"]


def _program(process: psutil.Process) -> str:
    """ "" when it has ended meanwhile."""
    try:
        return Path(process.exe()).name
    except psutil.Error:
        return ""
