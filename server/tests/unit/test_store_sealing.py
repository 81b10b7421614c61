from __future__ import annotations

import pytest

from flowstead.errors import HostProblem
from flowstead.store.sealing import Sealer, derive, key_id


def test_a_secret_opens_only_as_itself() -> None:
    sealer = Sealer(b"k" * 32)
    sealed = sealer.seal("hunter2", uid="u", name="n")
    assert b"hunter2" not in sealed
    assert sealer.open(sealed, uid="u", name="n") == "hunter2"
    assert sealer.seal("hunter2", uid="u", name="n") != sealed
    for uid, name in (("v", "n"), ("u", "m")):
        with pytest.raises(HostProblem, match="cannot be opened"):
            sealer.open(sealed, uid=uid, name=name)
    with pytest.raises(HostProblem):
        Sealer(b"z" * 32).open(sealed, uid="u", name="n")
    with pytest.raises(HostProblem):
        sealer.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), uid="u", name="n")


def test_derived_keys_are_apart_and_stay() -> None:
    assert derive(b"k" * 32, "a") == derive(b"k" * 32, "a")
    assert len({derive(b"k" * 32, "a"), derive(b"k" * 32, "b"), b"k" * 32}) == 3


def test_while_the_key_is_replaced_both_open_and_then_only_the_new_one() -> None:
    sealer, new = Sealer(b"k" * 32), Sealer(b"n" * 32)
    before = sealer.seal("hunter2", uid="u", name="n")
    sealer.also_open(b"n" * 32)
    assert sealer.open(new.seal("later", uid="u", name="n"), uid="u", name="n") == "later"
    sealer.seal_under(b"n" * 32)
    assert sealer.open(before, uid="u", name="n") == "hunter2", "a reader may still see the state before"
    assert new.open(sealer.seal("hunter3", uid="u", name="n"), uid="u", name="n") == "hunter3"
    with pytest.raises(HostProblem):
        Sealer(b"k" * 32).open(sealer.seal("hunter3", uid="u", name="n"), uid="u", name="n")


def test_the_id_of_a_key_tells_nothing_of_it() -> None:
    assert key_id(b"k" * 32) == key_id(b"k" * 32) != key_id(b"n" * 32)
    assert len(key_id(b"k" * 32)) == 16
    assert (b"k" * 32).hex()[:16] not in key_id(b"k" * 32)
