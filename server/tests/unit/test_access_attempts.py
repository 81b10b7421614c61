from __future__ import annotations

import threading

import pytest

from flowstead.access import attempts
from flowstead.access.attempts import Attempts, network_of
from flowstead.errors import TooManyAttempts, Unauthorized
from flowstead.testing.frozen_clock import FrozenClock

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def counted(clock: FrozenClock) -> Attempts:
    return Attempts(clock)


def attempt(counted: Attempts, address: str, client: str, *, right: bool = True) -> str:
    """How it ends."""
    try:
        with counted.attempt(address, client):
            if not right:
                raise Unauthorized
    except Unauthorized:
        return "refused"
    except TooManyAttempts as failure:
        return f"wait {failure.retry_after_s}"
    return "in"


def test_a_client_s_own_failures_make_it_wait_until_the_oldest_is_a_minute_ago(
    counted: Attempts, clock: FrozenClock
) -> None:
    for _ in range(30):
        assert attempt(counted, HERE, "ada", right=False) == "refused"
        clock.advance(1)
    assert attempt(counted, HERE, "ada") == "wait 30"
    assert attempt(counted, HERE, "ADA") == "wait 30", "however it spells its id"
    clock.advance(30)
    assert attempt(counted, HERE, "ada") == "in"


def test_others_failures_lock_nobody_out(counted: Attempts) -> None:
    assert attempt(counted, HERE, "bob") == "in"
    for _ in range(40):
        attempt(counted, THERE, "ada", right=False)
    assert attempt(counted, THERE, "ada").startswith("wait")
    assert attempt(counted, HERE, "ada") == "in", "from elsewhere"
    assert attempt(counted, THERE, "bob") == "in", "another one"
    for number in range(200):
        attempt(counted, HERE, f"made up {number}", right=False)
    assert attempt(counted, HERE, "made up").startswith("wait")
    assert attempt(counted, HERE, "bob") == "in", "who has signed in from there"
    assert attempt(counted, THERE, "carol") == "in", "who comes from elsewhere"


def test_the_address_of_who_floods_waits_for_a_minute(counted: Attempts, clock: FrozenClock) -> None:
    for number in range(120):
        assert attempt(counted, HERE, f"made up {number}", right=False) == "refused"
    assert attempt(counted, HERE, "new") == "wait 60"
    clock.advance(60)
    assert attempt(counted, HERE, "new") == "in"


def test_made_up_clients_and_addresses_take_no_memory(counted: Attempts) -> None:
    for number in range(6000):
        attempt(counted, f"198.51.{number // 250}.{number % 250}", "x" * 1000 + str(number), right=False)
    for kept in (counted._of_client, counted._of_address):
        assert len(kept._kept) == attempts._KEPT
    assert all(len(client) <= 64 for _, client in counted._of_client._kept)


def test_what_is_no_failure_of_the_caller_is_not_counted(counted: Attempts) -> None:
    for _ in range(200):
        with pytest.raises(ZeroDivisionError), counted.attempt(HERE, "ada"):
            raise ZeroDivisionError
    assert attempt(counted, HERE, "ada") == "in"


def test_only_so_many_are_worked_on_and_wait(counted: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_TURN_WITHIN_S", 0.05)
    release, inside = threading.Event(), threading.Semaphore(0)

    def occupy() -> None:
        with counted.attempt(HERE, "slow"):
            inside.release()
            release.wait(30)

    threads = [threading.Thread(target=occupy) for _ in range(attempts._AT_ONCE)]
    for each in threads:
        each.start()
    for _ in threads:
        inside.acquire()
    assert attempt(counted, THERE, "ada") == "wait 1"
    release.set()
    for each in threads:
        each.join()
    assert attempt(counted, THERE, "ada") == "in"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (" 192.0.2.1", "192.0.2.1"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_an_address_stands_for_a_network(address: str, network: str) -> None:
    assert network_of(address) == network
