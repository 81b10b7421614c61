"""Bytes on their way in: a file of their own until they are complete."""

from __future__ import annotations

import base64
import hashlib
import shutil
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from flowstead.errors import BadArgument, PayloadTooLarge
from flowstead.resources.upload_rules import MAX_BLOB_BYTES, MIN_FREE_BYTES, MIN_FREE_SHARE

_LOOK_EVERY = 16 * 1024 * 1024
"""After how many bytes the disk is looked at again: others write to it too."""


class Draft:
    """A file that is being taken in. Used as a context: what was not put in its place is thrown away.

    spoken: what messages call it."""

    def __init__(self, file: Path, spoken: str) -> None:
        self.path = file
        self.size = 0
        self._spoken = spoken
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        demand_room(self.path.parent)
        self._file = self.path.open("xb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        self.path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Raises PayloadTooLarge above 256 MiB, and when the disk is full."""
        before, self.size = self.size, self.size + len(data)
        if self.size > MAX_BLOB_BYTES:
            raise PayloadTooLarge(f"{self._spoken} is over {MAX_BLOB_BYTES} bytes.", target="blob")
        if before // _LOOK_EVERY != self.size // _LOOK_EVERY:
            demand_room(self.path.parent)
        if self._file is None:
            raise ValueError("not entered")
        self._file.write(data)
        self._md5.update(data)

    def complete(self, expected_md5: str | None) -> str:
        """Nothing more comes; returns the MD5 in base64. Raises BadArgument when it is not the one that the sender's
        digest says."""
        if self._file is None:
            raise ValueError("not entered")
        self._file.close()
        md5 = base64.b64encode(self._md5.digest()).decode()
        if expected_md5 is not None and expected_md5 != md5:
            raise BadArgument(
                f"{self._spoken} arrived with another MD5 than Content-MD5 says.",
                hint="Send it again.",
                target="Content-MD5",
            )
        return md5


def demand_room(folder: Path, wanted: int = 0) -> None:
    """Raises PayloadTooLarge when the disk would be left with too little for everything else. wanted: bytes."""
    disk = shutil.disk_usage(folder)
    if disk.free < kept_free(disk.total) + wanted:
        raise PayloadTooLarge(
            f"The server's disk has no room for this upload: {disk.free / 1e6:.0f} of {disk.total / 1e6:.0f} MB free "
            f"in {folder}.",
            hint="Make room on the disk of the server's home, then send it again.",
        )


def kept_free(total: int) -> int:
    """What an upload leaves on a disk of that size, both bytes."""
    return min(MIN_FREE_BYTES, int(total * MIN_FREE_SHARE))
