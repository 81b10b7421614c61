"""By which number a home's Envoys go in shared memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.gateway import shared_memory
from flowstead.gateway.shared_memory import base_id_of, is_there


def test_a_home_has_a_number_of_its_own() -> None:
    numbers = {base_id_of(Path(f"/home/{name}"), lambda _: False) for name in range(100)}
    assert len(numbers) == 100
    assert all(0 <= number * 10 + 2 < 2**31 for number in numbers), "Envoy computes with 32 bits"
    assert base_id_of(Path("/home/0"), lambda _: False) in numbers


def test_the_next_one_is_taken_while_somebody_else_has_it() -> None:
    first = base_id_of(Path("/home/a"), lambda _: False)
    second = base_id_of(Path("/home/a"), lambda number: number == first)
    third = base_id_of(Path("/home/a"), lambda number: number in (first, second))
    assert len({first, second, third}) == 3


def test_a_segment_that_nobody_has_is_free_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "_SEGMENTS", tmp_path)
    number = base_id_of(Path("/home/a"))
    left = tmp_path / f"envoy_shared_memory_{number * 10}"
    left.write_bytes(b"\0" * 64)
    assert base_id_of(Path("/home/a")) == number
    shared_memory.forget(number)
    assert not left.exists()
    shared_memory.forget(number)


def test_a_segment_that_a_process_has_is_taken_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mmap

    monkeypatch.setattr(shared_memory, "_SEGMENTS", tmp_path)
    number = base_id_of(Path("/home/a"))
    there = tmp_path / f"envoy_shared_memory_{number * 10}"
    there.write_bytes(b"\0" * 4096)
    with there.open("r+b") as file, mmap.mmap(file.fileno(), 4096):
        assert base_id_of(Path("/home/a")) != number
        shared_memory.forget(number)
        assert there.exists()
    assert base_id_of(Path("/home/a")) == number


def test_where_nothing_can_be_written_there_is_none(tmp_path: Path) -> None:
    assert is_there(tmp_path)
    assert not is_there(tmp_path / "missing")
