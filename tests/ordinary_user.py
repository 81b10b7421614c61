"""Whole installations that root runs as somebody else."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.installation import ROOT


def as_ordinary_user(folder: Path) -> tuple[str, ...]:
    """A command before the command: it runs as nobody in particular, who may enter the folders of root's in which the
    interpreter and the checkout lie, as if root had put them elsewhere."""
    user = next(number for number in range(20_000, 30_000) if not _has_user(number))
    shutil.copytree(os.environ["UV_CACHE_DIR"], folder / "cache", symlinks=True)
    subprocess.run(["chown", "-R", f"{user}:{user}", str(folder)], check=True)
    script = folder / "as-ordinary-user"
    lines = ["#!/bin/sh", "set -e"]
    for top, needed in sorted(_closed_above((Path(sys.base_prefix), ROOT, Path(sys.prefix))).items()):
        kept = {each: folder / f"kept{str(each).replace('/', '-')}" for each in needed}
        for each, place in kept.items():
            lines += [f"mkdir -p {place}", f"mount --bind {each} {place}"]
        lines += [f"mount -t tmpfs -o mode=755 tmpfs {top}"]
        for each, place in kept.items():
            lines += [f"mkdir -p {each}", f"mount --bind {place} {each}"]
    variables = f"HOME={folder} TMPDIR={folder} UV_CACHE_DIR={folder}/cache"
    lines += [f'exec setpriv --reuid {user} --regid {user} --clear-groups env {variables} "$@"', ""]
    script.write_text("\n".join(lines))
    script.chmod(0o755)
    return ("unshare", "--mount", str(script))


def _closed_above(folders: Iterable[Path]) -> dict[Path, set[Path]]:
    """The outermost folder that others cannot enter → what is needed of it, nothing of which lies in another of it."""
    found: dict[Path, set[Path]] = {}
    for needed in sorted(set(folders)):
        top = next((each for each in reversed(needed.parents) if not each.stat().st_mode & 0o001), None)
        if top is not None and not any(needed.is_relative_to(each) for each in found.get(top, ())):
            found.setdefault(top, set()).add(needed)
    return found


def _has_user(number: int) -> bool:
    try:
        pwd.getpwuid(number)
    except KeyError:
        return False
    return True
