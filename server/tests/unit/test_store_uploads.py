from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstead.errors import BadArgument, PayloadTooLarge, ResourceConflict
from flowstead.store import drafts
from flowstead.store.uploads import Blob, Uploads, check_path

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOX = "azureml-blobstore"


def put(to: Uploads, path: str, content: bytes = b"x", **metadata: str) -> Blob:
    with to.begin(BOX, path) as incoming:
        incoming.write(content)
        return incoming.commit(metadata=metadata, now=NOW)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "a//b", "../x", "a/../b", "a/.", "./a", "a\0b", "a\\b", "a\nb"),
        *("x" * 256, "a/" * 64 + "b", "y" * 2000, "\ud800"),
    ],
)
def test_paths_that_leave_or_that_no_file_can_have_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadArgument):
        Uploads(tmp_path).locate(BOX, path)


@pytest.mark.parametrize("container", ["", "..", "ab", "Upper", ".properties", "a/b", "a--b", "x" * 64])
def test_bad_containers_are_refused(container: str) -> None:
    with pytest.raises(BadArgument):
        check_path(container, "a")


@given(st.text(max_size=60))
def test_no_path_leads_out(path: str) -> None:
    root = Path("/uploads")
    try:
        found = Uploads(root).locate(BOX, path)
    except BadArgument:
        return
    assert found.is_relative_to(root / BOX)
    assert ".." not in found.parts


def test_a_file_is_kept_with_its_metadata(tmp_path: Path) -> None:
    to = Uploads(tmp_path)
    blob = put(to, "LocalUpload/a/flow/flow.dag.yaml", b"nodes: []", upload_status="completed")
    found = to.find(BOX, "LocalUpload/a/flow/flow.dag.yaml")
    assert found == blob
    assert (blob.size, blob.metadata) == (9, {"upload_status": "completed"})
    assert blob.path.read_bytes() == b"nodes: []"
    assert blob.md5 == base64.b64encode(hashlib.md5(b"nodes: []", usedforsecurity=False).digest()).decode()
    assert to.find(BOX, "LocalUpload/a/flow") is None
    assert to.find(BOX, "gone") is None


def test_metadata_is_replaced(tmp_path: Path) -> None:
    to = Uploads(tmp_path)
    before = put(to, "a", one="1")
    after = to.set_metadata(BOX, "a", {"two": "2"}, now=NOW)
    assert after is not None
    assert after.metadata == {"two": "2"}
    assert after.etag != before.etag
    assert after.md5 == before.md5
    assert to.set_metadata(BOX, "gone", {}, now=NOW) is None
    with pytest.raises(BadArgument):
        to.set_metadata(BOX, "a", {"x": "y" * 10_000}, now=NOW)


def test_what_was_not_committed_is_not_there(tmp_path: Path) -> None:
    to = Uploads(tmp_path)
    with to.begin(BOX, "a") as incoming:
        incoming.write(b"half")
    assert to.find(BOX, "a") is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_dead_servers_drafts_are_thrown_away(tmp_path: Path) -> None:
    (tmp_path / ".incoming").mkdir()
    (tmp_path / ".incoming" / "draft").write_text("half")
    Uploads(tmp_path).discard_incomplete(NOW)
    assert list((tmp_path / ".incoming").iterdir()) == []


def test_a_wrong_digest_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    to = Uploads(tmp_path)
    put(to, "a", b"old")
    with to.begin(BOX, "a") as incoming, pytest.raises(BadArgument, match="MD5"):
        incoming.write(b"new")
        incoming.commit(metadata={}, expected_md5="AAAA", now=NOW)
    found = to.find(BOX, "a")
    assert found is not None
    assert found.path.read_bytes() == b"old"


def test_a_name_is_a_file_or_a_folder(tmp_path: Path) -> None:
    to = Uploads(tmp_path)
    put(to, "a")
    put(to, "b/c")
    for path in ("a/x", "b"):
        with pytest.raises(ResourceConflict):
            put(to, path)


def test_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MAX_BLOB_BYTES", 3)
    with pytest.raises(PayloadTooLarge):
        put(Uploads(tmp_path), "a", b"1234")


def test_a_link_is_no_upload(tmp_path: Path) -> None:
    to = Uploads(tmp_path)
    blob = put(to, "a")
    blob.path.unlink()
    blob.path.symlink_to("/etc/passwd")
    assert to.find(BOX, "a") is None


def test_the_disk_is_looked_at_while_a_file_comes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    to = Uploads(tmp_path)
    with to.begin(BOX, "a") as incoming:
        monkeypatch.setattr(drafts, "kept_free", lambda _total: 1 << 62)
        incoming.write(b"x")
        with pytest.raises(PayloadTooLarge, match="no room"):
            incoming.write(bytes(16 * 1024 * 1024))
    assert to.find(BOX, "a") is None
