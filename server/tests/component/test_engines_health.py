"""Asking an instance for its health, against a socket that answers as the test says."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.engines.liveness import Answers, Probes
from flowstead.engines.local.health import Health, HealthWatch
from flowstead.testing.frozen_clock import FrozenClock

PROBES = Probes()
READY, WAS_READY, NEVER = (
    Health(ready, was_ready, Answers(0.0)) for ready, was_ready in ((True, True), (False, True), (False, False))
)


class Instance:
    """Listens as a supervisor does; answers only while `serve` runs."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.memory = path.with_name("ready")
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
        self.asked = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(16)

    def serve_one(self) -> None:
        """Answer the next question, and read it whole."""
        connection, _ = self._listener.accept()
        with connection:
            assert connection.recv(4096).startswith(b"GET /health HTTP/1.1\r\n")
            self.asked += 1
            connection.sendall(self.answer)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    instance = Instance(tmp_path / "health.sock")
    yield instance
    instance.close()


def ask_and_answer(watch: HealthWatch, instance: Instance) -> Health:
    """One question with its answer."""
    watch.ask("w", instance.path, instance.memory, PROBES)
    answering = threading.Thread(target=instance.serve_one)
    answering.start()
    answering.join(10.0)
    return watch.ask("w", instance.path, instance.memory, PROBES)


def test_an_early_question_is_answered_as_soon_as_somebody_is_there(instance: Instance) -> None:
    watch = HealthWatch(FrozenClock())
    began = time.monotonic()
    assert [watch.ask("w", instance.path, instance.memory, PROBES) for _ in range(50)] == [NEVER] * 50
    assert time.monotonic() - began < 1.0
    assert ask_and_answer(watch, instance) == READY
    assert instance.asked == 1


def test_one_that_is_not_ready_says_so(instance: Instance) -> None:
    watch = HealthWatch(FrozenClock())
    instance.answer = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"
    assert ask_and_answer(watch, instance) == NEVER


def test_that_it_was_ready_is_written_down_once_as_soon_as_that_can_be(instance: Instance) -> None:
    watch = HealthWatch(FrozenClock())
    instance.memory = instance.memory.parent / "full" / "ready"
    instance.memory.parent.touch()  # nothing can be written below a file
    assert ask_and_answer(watch, instance) == READY
    instance.memory.parent.unlink()
    watch.ask("w", instance.path, instance.memory, PROBES, remembers=False)
    assert not instance.memory.exists(), "who only looks writes nothing"
    watch.ask("w", instance.path, instance.memory, PROBES)
    assert instance.memory.read_text() == "w"
    instance.memory.unlink()
    watch.ask("w", instance.path, instance.memory, PROBES)
    assert not instance.memory.exists(), "each look would write it"
    watch.keep_only(set())


def test_a_ready_one_is_not_asked_all_the_time(instance: Instance) -> None:
    clock = FrozenClock()
    watch = HealthWatch(clock)
    ask_and_answer(watch, instance)
    clock.advance(0.5)
    assert watch.ask("w", instance.path, instance.memory, PROBES) == READY
    clock.advance(0.6)
    assert ask_and_answer(watch, instance) == READY
    assert instance.asked == 2


def test_one_slow_answer_is_no_reason_but_three_are(instance: Instance) -> None:
    clock = FrozenClock()
    watch = HealthWatch(clock)
    ask_and_answer(watch, instance)
    seen = []
    for _ in range(3):
        clock.advance(1.1)
        watch.ask("w", instance.path, instance.memory, PROBES)
        clock.advance(2.1)
        seen.append(watch.ask("w", instance.path, instance.memory, PROBES))
    assert seen == [READY, READY, WAS_READY]


def test_it_says_for_how_long_an_answer_is_owed(instance: Instance) -> None:
    clock = FrozenClock()
    watch = HealthWatch(clock)

    def owes_s() -> float:
        return round(watch.ask("w", instance.path, instance.memory, PROBES).owes_s, 6)

    for _ in range(3):
        clock.advance(1.0)
        assert owes_s() == 0.0, "it has never answered: it is importing"
    ask_and_answer(watch, instance)
    clock.advance(1.0)
    assert owes_s() == 0.0, "it is asked only now"
    for seconds in range(1, 6):
        clock.advance(1.0)
        assert owes_s() == seconds
    watch.keep_only(set())


def test_who_has_not_looked_for_long_begins_anew(instance: Instance) -> None:
    """A server that was stopped, or whose machine was, must not take its own absence for an instance's silence."""
    clock = FrozenClock()
    watch = HealthWatch(clock)
    ask_and_answer(watch, instance)
    clock.advance(1.1)
    watch.ask("w", instance.path, instance.memory, PROBES)
    clock.advance(600.0)
    seen = watch.ask("w", instance.path, instance.memory, PROBES)
    assert (seen.ready, seen.answers.silent_since, seen.answers.failing_since) == (True, None, None)
    assert seen.owes_s == 0.0
    watch.keep_only(set())


def test_where_nobody_listens_nobody_is_ready(tmp_path: Path) -> None:
    watch = HealthWatch(FrozenClock())
    assert watch.ask("w", str(tmp_path / "none.sock"), tmp_path / "ready", PROBES) == NEVER


def test_a_restarted_worker_begins_anew(instance: Instance) -> None:
    watch = HealthWatch(FrozenClock())
    ask_and_answer(watch, instance)
    assert watch.ask("another", instance.path, instance.memory, PROBES) == NEVER
    watch.keep_only(set())


def test_the_next_server_takes_a_worker_for_what_it_was_until_it_knows_better(instance: Instance) -> None:
    ask_and_answer(HealthWatch(FrozenClock()), instance)
    clock = FrozenClock()
    watch = HealthWatch(clock)
    assert watch.ask("w", instance.path, instance.memory, PROBES) == READY
    assert watch.ask("another", instance.path, instance.memory, PROBES) == NEVER
    for _ in range(3):
        clock.advance(2.1)
        seen = watch.ask("w", instance.path, instance.memory, PROBES)
        clock.advance(1.1)
        watch.ask("w", instance.path, instance.memory, PROBES)
    assert seen == WAS_READY
    watch.keep_only(set())


def test_who_never_comes_to_an_end_holds_nobody_up(instance: Instance) -> None:
    """The flow's own code can listen there too."""
    clock = FrozenClock()
    watch = HealthWatch(clock)
    watch.ask("w", instance.path, instance.memory, PROBES)
    connection, _ = instance._listener.accept()
    with connection:
        connection.setblocking(False)
        looks = 0
        for _ in range(20):
            with contextlib.suppress(OSError):
                connection.send(b"x" * 1_000_000)
            assert watch.ask("w", instance.path, instance.memory, PROBES) == NEVER
            looks += 1
    assert looks == 20
    watch.keep_only(set())
    drip = HealthWatch(clock)
    drip.ask("w", instance.path, instance.memory, PROBES)
    connection, _ = instance._listener.accept()
    with connection, pytest.raises(OSError, match=r"pipe|reset"):
        for _ in range(5):
            connection.send(b"y")
            clock.advance(1.0)
            assert drip.ask("w", instance.path, instance.memory, PROBES) == NEVER
    drip.keep_only(set())
