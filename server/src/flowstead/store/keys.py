"""The home's master key: one file, made at the first start."""

from __future__ import annotations

import os

from flowstead.errors import HostProblem
from flowstead.resources.home import Home
from flowstead.resources.private_file import write_private

_KEY_BYTES = 32


def master_key(home: Home) -> bytes:
    """The key under which secrets are sealed; made when the home has none. Raises HostProblem."""
    path = home.keys / "master.key"
    if not path.exists():
        write_private(path, os.urandom(_KEY_BYTES))
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise HostProblem(
            f"{path} holds {len(key)} bytes, a master key has {_KEY_BYTES}.",
            hint="Put the right file back; without it the secrets in the database are lost.",
        )
    return key
