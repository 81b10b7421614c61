"""What Envoy still answers when it is to stop, and with what it comes up after it."""

from __future__ import annotations

import os
import signal
import threading
import time

import httpx
import psutil
import pytest

from flowstead.gateway.turns import newest_turn
from flowstead.testing.echo_instance import EchoInstance
from server.tests.component.gateway_site import PATIENCE_S, Site, Stream, blue_of, endpoint, eventually_so, new_site

site = pytest.fixture(new_site)
blue = pytest.fixture(blue_of)


def test_requests_in_flight_outlive_the_removal_of_their_deployment(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    answers: list[int] = []
    path = "/endpoints/ask/score?sleep=1"
    caller = threading.Thread(target=lambda: answers.append(site.status(path=path)))
    caller.start()
    eventually_so(lambda: len(blue.requests) == 1)
    site.gateway.publish([])
    assert answers == []
    caller.join(PATIENCE_S)
    assert answers == [200]
    assert site.status() == 404


def test_stopping_drains(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    answers: list[int] = []
    path = "/endpoints/ask/score?sleep=1"
    caller = threading.Thread(target=lambda: answers.append(site.status(path=path)))
    caller.start()
    eventually_so(lambda: len(blue.requests) == 1)
    pid = site.pid
    stopper = threading.Thread(target=site.gateway.stop)
    stopper.start()
    eventually_so(lambda: site.status() == 0)
    assert answers == []
    for thread in (caller, stopper):
        thread.join(PATIENCE_S)
    assert answers == [200]
    assert site.gateway.observe() is None
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    site.gateway.stop()


def test_the_drain_is_bounded(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    caller = threading.Thread(target=lambda: site.status(path="/endpoints/ask/score?sleep=30"), daemon=True)
    caller.start()
    eventually_so(lambda: len(blue.requests) == 1)
    began = time.monotonic()
    assert site.gateway.stop(0.5) == 1
    assert 0.4 < time.monotonic() - began < 8.0
    caller.join(PATIENCE_S)


def test_a_supervisor_that_was_stopped_does_not_keep_it_from_ending(site: Site) -> None:
    site.gateway.ensure_running()
    envoy, newest = psutil.Process(site.pid), newest_turn(site.home.gateway_run)
    assert newest is not None
    os.kill(newest.process.supervisor_pid, signal.SIGSTOP)
    site.gateway.stop(0.0)
    assert site.gateway.observe() is None
    assert not envoy.is_running() or envoy.status() == psutil.STATUS_ZOMBIE


def test_who_is_in_a_hurry_does_not_wait_for_the_drain(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    hurry = threading.Event()
    with Stream(site, events=400) as stream:
        cut: list[int] = []
        stopper = threading.Thread(target=lambda: cut.append(site.gateway.stop(PATIENCE_S, hurry.is_set)))
        stopper.start()
        eventually_so(lambda: site.status() == 0)
        assert cut == []
        hurry.set()
        stopper.join(PATIENCE_S)
        assert cut == [1]
    assert 0 < stream.ended() < 400


def test_a_stream_and_a_connection_that_is_kept_outlive_the_drain(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    with httpx.Client(headers={"api-key": "K1"}) as client, Stream(site, events=40) as stream:
        assert client.post(site.url()).headers.get("connection") is None
        cut: list[int] = []
        stopper = threading.Thread(target=lambda: cut.append(site.gateway.stop(PATIENCE_S)))
        stopper.start()
        eventually_so(lambda: site.status() == 0)
        answer = client.post(site.url())
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        stopper.join(PATIENCE_S)
        assert cut == [0]
    assert stream.ended() == 40


def test_after_a_stop_it_comes_up_with_what_it_served(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    site.gateway.stop()
    site.gateway.ensure_running()
    assert site.status() == 200


@pytest.mark.parametrize("name", ["cds.json", "rds.json", "lds.json", "acknowledged.json"])
def test_torn_files_do_not_keep_it_from_starting(site: Site, blue: EchoInstance, name: str) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    site.gateway.stop()
    (site.home.gateway_run / name).write_text('{"version_info": ')
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    assert site.status() == 200
