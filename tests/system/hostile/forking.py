"""A flow that leaves processes behind which fork faster than anybody can look; for half a minute, and not too many."""

import ctypes
import os
import resource
import signal
import time

from promptflow.core import tool


def fork_on():
    os.setsid()
    os.nice(19)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_NPROC, (120, 120))
    fork, end = ctypes.CDLL(None).fork, time.monotonic() + 30
    while time.monotonic() < end:
        if fork() > 0 and fork() > 0:
            os._exit(0)


if os.fork() == 0:
    try:
        fork_on()
    finally:
        os._exit(0)


@tool
def say(text: str):
    return text
