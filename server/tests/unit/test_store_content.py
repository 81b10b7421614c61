from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.errors import BadArgument, PayloadTooLarge
from flowstead.store import content, drafts
from flowstead.store.content import Contents, Unused


@pytest.fixture
def contents(tmp_path: Path) -> Iterator[Contents]:
    root = tmp_path / "models"
    root.mkdir()
    yield Contents(root)
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o700)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


FLOW = {"flow.dag.yaml": "nodes: []\n", "sub/tool.py": "x = 1\n", "empty": ""}


def test_a_folder_is_copied_under_its_hash(contents: Contents, tmp_path: Path) -> None:
    source = write(tmp_path / "flow", FLOW)
    found = contents.locate(contents.register(source))
    assert {str(p.relative_to(found)): p.read_text() for p in found.rglob("*") if p.is_file()} == FLOW
    (source / "flow.dag.yaml").write_text("changed")
    assert (found / "flow.dag.yaml").read_text() == FLOW["flow.dag.yaml"]


def test_content_is_read_only(contents: Contents, tmp_path: Path) -> None:
    found = contents.locate(contents.register(write(tmp_path / "flow", FLOW)))
    for path in (found, *found.rglob("*")):
        assert path.stat().st_mode & 0o222 == 0, path


def test_the_hash_is_of_paths_and_bytes_alone(contents: Contents, tmp_path: Path) -> None:
    one = contents.register(write(tmp_path / "one", FLOW))
    os.utime(tmp_path / "one" / "empty", (1, 1))
    (tmp_path / "one" / "empty").chmod(0o755)
    assert contents.register(tmp_path / "one") == one
    assert contents.register(write(tmp_path / "two", dict(reversed(FLOW.items())))) == one
    others = [
        {**FLOW, "empty": "x"},
        {**FLOW, "sub/tool2.py": FLOW["sub/tool.py"]},
        {"flow.dag.yaml": "nodes: []\n", "sub/tool.py": "x = 1\n"},
        {"flow.dag.yam": "lnodes: []\n", "sub/tool.py": "x = 1\n", "empty": ""},
    ]
    hashes = {contents.register(write(tmp_path / str(n), files)) for n, files in enumerate(others)}
    assert len(hashes | {one}) == 5


def test_registering_again_copies_nothing(contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "flow", FLOW)
    first = contents.register(source)
    monkeypatch.setattr(Contents, "_settle", lambda *_: pytest.fail("copied again"))
    assert contents.register(source) == first


def test_one_file_is_content_too(contents: Contents, tmp_path: Path) -> None:
    found = contents.locate(contents.register(write(tmp_path, {"only.prompty": "hi"}) / "only.prompty"))
    assert [p.name for p in found.iterdir()] == ["only.prompty"]


def test_a_link_inside_counts_as_its_file(contents: Contents, tmp_path: Path) -> None:
    source = write(tmp_path / "flow", FLOW)
    (source / "link.py").symlink_to("sub/tool.py")
    found = contents.locate(contents.register(source))
    assert (found / "link.py").read_text() == "x = 1\n"
    assert not (found / "link.py").is_symlink()


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "gone", "sub", "loop"])
def test_links_that_leave_or_lead_nowhere_are_refused(contents: Contents, tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text("secret")
    source = write(tmp_path / "flow", FLOW)
    (source / "loop").symlink_to(target)
    with pytest.raises(BadArgument, match="loop"):
        contents.register(source)
    assert list(contents._root.iterdir()) == []


def test_a_linked_root_nothing_and_an_empty_folder_are_refused(contents: Contents, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(write(tmp_path / "flow", FLOW))
    for name in ("empty", "link", "gone"):
        with pytest.raises(BadArgument):
            contents.register(tmp_path / name)


def test_a_pipe_is_refused(contents: Contents, tmp_path: Path) -> None:
    source = write(tmp_path / "flow", FLOW)
    os.mkfifo(source / "pipe")
    with pytest.raises(BadArgument, match="pipe"):
        contents.register(source)


def test_sizes_and_counts_are_bounded(contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "flow", FLOW)
    monkeypatch.setattr(content, "MAX_FILES", 2)
    with pytest.raises(PayloadTooLarge):
        contents.register(source)
    monkeypatch.setattr(content, "MAX_FILES", 10)
    monkeypatch.setattr(content, "MAX_BYTES", 5)
    with pytest.raises(PayloadTooLarge):
        contents.register(source)


def test_what_changes_while_it_is_registered_goes_under_its_own_hash(
    contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client writes between the first reading and the copy."""
    source = write(tmp_path / "flow", FLOW)
    expected = contents.register(write(tmp_path / "later", {**FLOW, "empty": "late"}))
    digest = content._digest

    def slow(entries: object, **options: object) -> str:
        found = digest(entries, **options)  # type: ignore[arg-type]
        (source / "empty").write_text("late")
        return found

    monkeypatch.setattr(content, "_digest", slow)
    assert contents.register(source) == expected


def test_a_sweep_keeps_what_is_used(contents: Contents, tmp_path: Path) -> None:
    kept = contents.register(write(tmp_path / "a", FLOW))
    dropped = contents.register(write(tmp_path / "b", {"x": "yes"}))
    expected = [Unused(dropped, 3)]
    assert contents.unused(lambda: {kept}) == expected, "a dry run"
    assert contents.locate(dropped).is_dir()
    assert contents.sweep(lambda: {kept}) == expected
    assert [p.name for p in contents._root.iterdir()] == [kept]
    assert contents.sweep(lambda: {kept}) == []


def test_a_dead_servers_copies_are_thrown_away(contents: Contents, tmp_path: Path) -> None:
    kept = contents.register(write(tmp_path / "a", FLOW))
    (contents._root / ".incoming-1").mkdir()
    contents.discard_incomplete()
    assert [p.name for p in contents._root.iterdir()] == [kept]


def test_what_is_being_registered_is_not_swept_away(contents: Contents, tmp_path: Path) -> None:
    source = write(tmp_path / "a", FLOW)
    for _ in ("copied", "there already"):
        with contents.held(source) as content_hash:
            assert contents.sweep(set) == []
            assert contents.unused(set) == []
            assert contents.locate(content_hash).is_dir()
    assert [each.content_hash for each in contents.sweep(set)] == [content_hash], "nobody has written it down"


def test_sweeping_and_registering_the_same_content_at_once(contents: Contents, tmp_path: Path) -> None:
    """What one of them has registered is there, whenever the other one looks."""
    source = write(tmp_path / "a", FLOW)
    used: set[str] = set()
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            contents.sweep(lambda: frozenset(used))

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for _ in range(100):
            with contents.held(source) as content_hash:
                used.add(content_hash)
            assert sorted(p.name for p in contents.locate(content_hash).iterdir()) == sorted(
                {Path(name).parts[0] for name in FLOW}
            )
            used.clear()
    finally:
        stop.set()
        sweeper.join()


def test_a_copy_that_would_fill_the_disk_is_not_begun(
    contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "a", FLOW)
    known = contents.register(write(tmp_path / "b", {"x": "y"}))
    monkeypatch.setattr(drafts, "kept_free", lambda _total: 1 << 62)
    with pytest.raises(PayloadTooLarge, match="no room"):
        contents.register(source)
    assert [p.name for p in contents._root.iterdir()] == [known]
    assert contents.register(tmp_path / "b") == known, "what is there takes no room"


def test_names_that_differ_by_case_only_and_empty_files(contents: Contents, tmp_path: Path) -> None:
    files = {"A.txt": "upper", "a.txt": "lower", "sub/empty": ""}
    source = write(tmp_path / "a", files)
    if len(list(source.iterdir())) < 3:
        pytest.skip("this file system knows no difference")
    found = contents.locate(contents.register(source))
    assert {name: (found / name).read_text() for name in files} == files


def test_only_hashes_are_located(contents: Contents) -> None:
    for name in ("../x", "", "A" * 64, "a" * 63):
        with pytest.raises(ValueError, match="content hash"):
            contents.locate(name)
