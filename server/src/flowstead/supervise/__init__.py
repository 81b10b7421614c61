"""Keeps one process alive, in a session of its own, whatever happens to the server. Used for Envoy and instances.

`start` double-forks a small supervisor (standard library only). It holds an flock on `DIRECTORY/lock` as long as it
lives, binds the listening sockets, starts the process with them as inherited descriptors 3, 4, …, restarts it with
back-off, and keeps `DIRECTORY/state.json` true. The specification goes through a pipe, never to disk: it holds secrets.

A process may get a successor, in a directory of its own, which takes over what it does: `hand_over` notes so, and the
supervisor then lets it end.
"""

from flowstead.limits.memory_kills import OUT_OF_MEMORY
from flowstead.supervise.client import end_now, hand_over, handed_over_for, observe, start, stop, take_back
from flowstead.supervise.specification import ProcessEnd, ProcessSpec, ProcessState, SupervisedProcess

__all__ = [
    "OUT_OF_MEMORY",
    "ProcessEnd",
    "ProcessSpec",
    "ProcessState",
    "SupervisedProcess",
    "end_now",
    "hand_over",
    "handed_over_for",
    "observe",
    "start",
    "stop",
    "take_back",
]
