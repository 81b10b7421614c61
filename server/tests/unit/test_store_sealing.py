from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.errors import HostProblem
from flowstead.resources.home import Home
from flowstead.store.keys import master_key
from flowstead.store.sealing import Sealer


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
    sealer = Sealer(b"k" * 32)
    assert sealer.derived_key("a") == Sealer(b"k" * 32).derived_key("a")
    assert len({sealer.derived_key("a"), sealer.derived_key("b"), b"k" * 32}) == 3


def test_the_master_key_is_made_once_and_private(tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = master_key(home)
    assert len(key) == 32
    assert master_key(home) == key
    assert (home.keys / "master.key").stat().st_mode & 0o777 == 0o600
    (home.keys / "master.key").write_bytes(b"short")
    with pytest.raises(HostProblem, match=r"master\.key"):
        master_key(home)
