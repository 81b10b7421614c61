"""A filter of system calls (seccomp) for a process that has the same user as others outside: it may not change their
limits, priorities and processors, which Linux lets every process of the same user do, whatever namespace it is in.

A limit of no processor time would end the server as surely as a signal. https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import os

from flowstead.confine import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

Instruction = tuple[int, int, int, int]
"""(operation, how far to jump when true, when false, operand), as the kernel's `sock_filter` has it."""

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # 1: EPERM
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_FIRST_OF_X32 = 0x40000000
"""Numbers from here on are the same calls once more on x86-64, in another binary interface."""

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2

_ON_ONE = ("prlimit64", "sched_setscheduler", "sched_setparam", "sched_setattr", "sched_setaffinity")
"""Calls whose first argument is the process that they change, 0 for the caller."""
_ON_ONE_OR_USER = {"setpriority": 2, "ioprio_set": 3}
"""Calls whose second argument is that process, unless the first is this number: then it is a user."""

_NUMBERS = {
    "x86_64": (
        0xC000003E,
        {
            "prlimit64": 302,
            "sched_setscheduler": 144,
            "sched_setparam": 142,
            "sched_setattr": 314,
            "sched_setaffinity": 203,
            "setpriority": 141,
            "ioprio_set": 251,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "prlimit64": 261,
            "sched_setscheduler": 119,
            "sched_setparam": 118,
            "sched_setattr": 274,
            "sched_setaffinity": 122,
            "setpriority": 140,
            "ioprio_set": 30,
        },
    ),
}
"""Machine → (what the kernel calls it, number of each call)."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def is_known(machine: str) -> bool:
    """Whether there is a filter for it."""
    return machine in _NUMBERS


def spare_other_processes() -> None:
    """From now on this process and its descendants change only themselves. Needs no-new-privileges."""
    packed = b"".join(_packed(each) for each in program(os.uname().machine, os.getpid()))
    wanted = _Program(len(packed) // 8, packed)
    kernel.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(wanted))


def program(machine: str, own: int) -> Sequence[Instruction]:
    """own: the process that may be changed besides the caller itself. Pure."""
    architecture, numbers = _NUMBERS[machine]
    instructions: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 0, 1, _FIRST_OF_X32),
        (_RETURN, 0, 0, _REFUSE),
    ]
    for name in _ON_ONE:
        instructions += _when(numbers[name], _unless_own(0, own))
    for name, user in _ON_ONE_OR_USER.items():
        # To the refusal, which is the last but one below.
        refused = [(_LOAD, 0, 0, _ARGUMENTS_AT), (_EQUAL, 3, 0, user)]
        instructions += _when(numbers[name], [*refused, *_unless_own(1, own)])
    return [*instructions, (_RETURN, 0, 0, _ALLOW)]


def _when(number: int, then: Sequence[Instruction]) -> Sequence[Instruction]:
    return [(_EQUAL, 0, len(then), number), *then]


def _unless_own(argument: int, own: int) -> Sequence[Instruction]:
    return [
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument),
        (_EQUAL, 2, 0, 0),
        (_EQUAL, 1, 0, own),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _packed(instruction: Instruction) -> bytes:
    operation, when_true, when_false, operand = instruction
    return operation.to_bytes(2, "little") + bytes((when_true, when_false)) + operand.to_bytes(4, "little")
