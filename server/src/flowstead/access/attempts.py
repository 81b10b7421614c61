"""How often somebody may try to sign in, so that neither guessing nor flooding costs anybody else anything."""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from flowstead.errors import TooManyAttempts, Unauthorized
from flowstead.resources.clock import Clock

_WINDOW_S = 60.0
_OF_CLIENT = 30
"""So many failed attempts with one client id from one address in so many seconds, then it waits until the oldest is
that long ago."""
_OF_ADDRESS = 120
"""The same of all client ids from one address: made-up ones too."""
_PROVEN_S = 24 * 3600.0
"""For how long a client that has signed in from an address is not taken for one of those who guess there, seconds."""
_KEPT = 4096
"""How many clients and addresses are remembered; the one that was quiet for longest goes first."""
_LONGEST_CLIENT = 64
_AT_ONCE = 8
"""How many attempts are worked on at a time; the API has more threads than that, and others need them."""
_WAITING = 16
"""How many more may wait for their turn."""
_TURN_WITHIN_S = 2.0

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class _Recent(Generic[Key, Value]):
    """A mapping of bounded size: what was put longest ago goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        return self._kept.get(key)

    def put(self, key: Key, value: Value) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)


class Attempts:
    """Counts failures by who tries what from where. May be used from several threads.

    A client's own failures make it wait, and those of others do not: they are counted apart by address, and an address
    from which many fail stays open to those who have signed in from there before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._of_client: _Recent[tuple[str, str], deque[float]] = _Recent()
        self._of_address: _Recent[str, deque[float]] = _Recent()
        self._proven: _Recent[tuple[str, str], float] = _Recent()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._places = threading.BoundedSemaphore(_AT_ONCE + _WAITING)

    @contextmanager
    def attempt(self, address: str, client: str) -> Iterator[None]:
        """Around one attempt, which raises Unauthorized when it fails. address: where it comes from, as the gateway saw
        it, "" for this machine's own socket; client: who it says that it is. Raises TooManyAttempts before anything is
        done."""
        place, who = network_of(address), client.lower()[:_LONGEST_CLIENT]
        self._admit(place, who)
        with self._turn():
            try:
                yield
            except Unauthorized:
                self._failed(place, who)
                raise
        with self._lock:
            self._proven.put((place, who), self._clock.monotonic())

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with _held(self._places, 0.0), _held(self._turns, _TURN_WITHIN_S):
            yield

    def _admit(self, place: str, who: str) -> None:
        now = self._clock.monotonic()
        with self._lock:
            own, everybodys = self._of_client.get((place, who)), self._of_address.get(place)
            proven = self._proven.get((place, who))
        wait = _wait(own, _OF_CLIENT, now)
        if proven is None or now - proven > _PROVEN_S:
            wait = max(wait, _wait(everybodys, _OF_ADDRESS, now))
        if wait > 0:
            raise TooManyAttempts.until(math.ceil(wait))

    def _failed(self, place: str, who: str) -> None:
        now = self._clock.monotonic()
        with self._lock:
            own = self._of_client.get((place, who)) or deque(maxlen=_OF_CLIENT)
            everybodys = self._of_address.get(place) or deque(maxlen=_OF_ADDRESS)
            own.append(now)
            everybodys.append(now)
            self._of_client.put((place, who), own)
            self._of_address.put(place, everybodys)


@contextmanager
def _held(semaphore: threading.BoundedSemaphore, within_s: float) -> Iterator[None]:
    if not semaphore.acquire(timeout=within_s):
        raise TooManyAttempts.until(1, "Too many sign in at this moment.")
    try:
        yield
    finally:
        semaphore.release()


def network_of(address: str) -> str:
    """Whom an address stands for: of IPv6 a network of 64 bits is one household's or one machine's."""
    try:
        known = ipaddress.ip_address(address.strip())
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known.packed[:8] + bytes(8), 64)))
    return str(known)


def _wait(failures: deque[float] | None, most: int, now: float) -> float:
    """For how long somebody with these failures has to wait, seconds; at most 0 for not at all."""
    if failures is None or len(failures) < most:
        return 0.0
    return failures[0] + _WINDOW_S - now
