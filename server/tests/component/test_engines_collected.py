"""The folder into which a deployment collects, after another one of the same name has collected there."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from flowstead.engines.local.collected_folder import share_with_group

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has instances run as other users")
FORMER, NEW = 700_000_001, 700_000_002
HOUR = "model_outputs/2026/11/29/17"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As the engine makes it."""
    folder = tmp_path / "blue"
    folder.mkdir(mode=0o700)
    share_with_group(folder, FORMER)
    return folder


def as_instance(folder: Path, number: int, code: str) -> None:
    """Run code there as an instance does: under a user and a group of its own."""
    # From inside, since that user need not reach the interpreter.
    become = f"os.setgroups([]); os.setresgid(*[{number}] * 3); os.setresuid(*[{number}] * 3); os.umask(0o007)"
    program = f"import os\nfrom pathlib import Path\n{become}\n{code}"
    subprocess.run([sys.executable, "-I", "-c", program], cwd=folder, check=True)


def collect(folder: Path, number: int) -> Path:
    """Returns the file of a record."""
    name = f"{HOUR}/{uuid.uuid4().hex}.jsonl"
    code = f"file = Path({name!r})\nfile.parent.mkdir(parents=True, exist_ok=True)\nfile.write_text('said')"
    as_instance(folder, number, code)
    return folder / name


def test_a_deployment_made_anew_collects_where_the_former_one_did(folder: Path) -> None:
    before = collect(folder, FORMER)
    share_with_group(folder, NEW)
    assert collect(folder, NEW).read_text() == before.read_text() == "said"
    with pytest.raises(subprocess.CalledProcessError):
        collect(folder, FORMER)
    with pytest.raises(subprocess.CalledProcessError):
        as_instance(folder, NEW, f"Path({str(before.relative_to(folder))!r}).read_text()")


@pytest.mark.parametrize(
    "code",
    [
        f"os.chmod({HOUR!r}, 0)",
        "os.chmod('model_outputs', 0)",
        f"os.rename({HOUR!r}, 'away'); Path({HOUR!r}).touch()",
        f"os.rename({HOUR!r}, 'away'); os.mkfifo({HOUR!r})",
        f"os.rename({HOUR!r}, 'away'); os.symlink('nowhere', {HOUR!r})",
        "os.rename('model_outputs', 'away'); Path('model_outputs').touch()",
        "os.rename('model_outputs', 'away'); os.symlink('/etc', 'model_outputs')",
    ],
)
def test_the_former_one_cannot_have_blocked_it(folder: Path, code: str) -> None:
    collect(folder, FORMER)
    as_instance(folder, FORMER, code)
    share_with_group(folder, NEW)
    collect(folder, NEW)


def test_an_access_list_blocks_nobody_either(folder: Path) -> None:
    collect(folder, FORMER)
    owner, group, mask, other = 0x01, 0x04, 0x10, 0x20
    entries = ((owner, 7), (group, 0), (mask, 7), (other, 0))
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, mode, 0xFFFFFFFF) for tag, mode in entries)
    for kind in ("access", "default"):
        try:
            os.setxattr(folder / HOUR, f"system.posix_acl_{kind}", access)
        except OSError:
            pytest.skip("this file system has no access lists")
    share_with_group(folder, NEW)
    collect(folder, NEW)


def test_what_links_point_to_stays_as_it_was(folder: Path, tmp_path: Path) -> None:
    collect(folder, FORMER)
    elsewhere, secret = tmp_path / "elsewhere", tmp_path / "secret"
    elsewhere.mkdir(mode=0o700)
    secret.write_text("secret")
    secret.chmod(0o600)
    for place in (folder, folder / HOUR):
        (place / "folder").symlink_to(elsewhere)
        (place / "file").symlink_to(secret)
        (place / "same").hardlink_to(secret)
    before = [(path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) for path in (elsewhere, secret)]
    share_with_group(folder, NEW)
    assert [(path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) for path in (elsewhere, secret)] == before


def test_one_that_was_cut_off_is_done_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collect(folder, FORMER)

    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("flowstead.engines.local.collected_folder._share_below", cut_off)
        with pytest.raises(KeyboardInterrupt):
            share_with_group(folder, NEW)
    share_with_group(folder, NEW)
    collect(folder, NEW)
