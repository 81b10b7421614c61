"""What the server says besides its log goes into files of bounded size, while it runs too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.launch.server_log import bound_errors
from flowstead.supervise.specification import LOG_FILES


@pytest.fixture
def errors(tmp_path: Path) -> Path:
    return tmp_path / "server.err"


@pytest.fixture
def descriptor(errors: Path) -> Iterator[int]:
    number = os.open(errors, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    yield number
    os.close(number)


def test_a_file_that_has_become_long_goes_on_in_a_new_one(errors: Path, descriptor: int) -> None:
    os.write(descriptor, b"before\n")
    bound_errors(errors, 7, descriptor)
    assert [each.name for each in errors.parent.iterdir()] == ["server.err"], "not longer than that"
    for number in range(LOG_FILES + 2):
        os.write(descriptor, b"said %d\n" % number)
        bound_errors(errors, 5, descriptor)
    os.write(descriptor, b"after\n")
    assert errors.read_bytes() == b"after\n"
    older = sorted(errors.parent.glob("server.err.*"))
    assert [each.read_bytes() for each in older] == [b"said %d\n" % n for n in range(LOG_FILES + 1, 2, -1)]
    assert os.get_inheritable(descriptor), "who is started by it may say something, too"


def test_a_terminal_is_left_alone(errors: Path, tmp_path: Path) -> None:
    errors.write_bytes(b"of another server\n")
    other = os.open(tmp_path / "terminal", os.O_WRONLY | os.O_CREAT)
    bound_errors(errors, 5, other)
    os.write(other, b"said")
    os.close(other)
    assert (tmp_path / "terminal").read_bytes() == b"said"
    assert errors.read_bytes() == b"of another server\n"


def test_none_is_missed(errors: Path) -> None:
    bound_errors(errors, 5)
