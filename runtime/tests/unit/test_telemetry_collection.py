"""Collected records: which are kept, what their lines say, how they get to the disk."""

from __future__ import annotations

import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.telemetry.collection import Collection
from flowstead_runtime.telemetry.collection_files import CollectionFiles
from flowstead_runtime.telemetry.collection_records import LARGEST_IN_LINE, ROWS, Record, Renderer, encode_rows
from flowstead_runtime.telemetry.collection_settings import CollectionSettings, RollingRate
from flowstead_runtime.telemetry.collection_writer import MOST_RECORDS, CollectionWriter

AT = datetime(2026, 3, 9, 8, 7, 6, tzinfo=UTC).timestamp()
SETTINGS = CollectionSettings(
    Path("/collected"), "shop", "blue", "blue-1", "7", "/onlineEndpoints/shop", {"model_inputs": 0.3, "request": 1.0}
)

NO_JSON: Any = {("a", 1): 1}


def record(content: bytes, **changes: Any) -> Record:
    return Record("model_inputs", "i", AT, "c", "r", content, **changes)


def event(content: bytes, hide: Callable[[str], str] = str, **changes: Any) -> dict[str, Any]:
    line = Renderer(SETTINGS, hide).render(record(content, **changes)).line
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    told: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return told


def test_a_line_is_a_cloud_event_in_azures_spelling() -> None:
    assert event(b'[{"a":1}]', data_type=ROWS) == {
        "specversion": "1.0",
        "id": "i",
        "source": "/onlineEndpoints/shop",
        "type": "azureml.inference.model_inputs",
        "datacontenttype": "application/json",
        "time": "2026-03-09T08:07:06Z",
        "data": [{"a": 1}],
        "contentrange": "bytes 0-8/9",
        "correlationid": "c",
        "xrequestid": "r",
        "modelversion": "7",
        "collectdatatype": "pandas.core.frame.DataFrame",
        "agent": event(b"")["agent"],
    }


@pytest.mark.parametrize(
    ("rate", "rolled"),
    [
        (RollingRate.YEAR, "2026"),
        (RollingRate.MONTH, "2026/03"),
        (RollingRate.DAY, "2026/03/09"),
        (RollingRate.HOUR, "2026/03/09/08"),
        (RollingRate.MINUTE, "2026/03/09/08/07"),
    ],
)
def test_folders_roll_in_utc(rate: RollingRate, rolled: str) -> None:
    settings = CollectionSettings(Path(), "e", "d", "i", "1", "s", {}, rate)
    assert Renderer(settings, str).render(record(b"1")).folder == f"e/d/model_inputs/{rolled}"


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{\r\n "a":\n [1, 2.50]}', {"a": [1, 2.5]}),
        (b"plain\ntext", "plain\ntext"),
        (b"", ""),
        (b'{"a": NaN}', '{"a": NaN}'),
        (b"[" * 100_000, "[" * 100_000),
        (b'"\\ud800"', "\ud800"),
    ],
)
def test_a_body_is_told_as_json_where_it_is_that(body: bytes, data: Any) -> None:
    assert event(body)["data"] == data


def test_an_empty_body_has_no_range() -> None:
    assert event(b"")["contentrange"] == "bytes */0"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"1" * (LARGEST_IN_LINE + 1)])
def test_what_is_binary_or_large_gets_a_file_of_its_own(content: bytes) -> None:
    rendered = Renderer(SETTINGS, str).render(record(content))
    assert rendered.file == ("shop/blue/2026/03/09/08/i", content)
    told = json.loads(rendered.line)
    assert (told["data"], told["datainblob"]) == ("shop/blue/2026/03/09/08/i", "true")
    assert told["contentrange"] == f"bytes 0-{len(content) - 1}/{len(content)}"


def test_secrets_are_hidden_wherever_they_stand() -> None:
    def hide(text: str) -> str:
        return text.replace("123456", "***")

    told = event(b'{"a": "<123456>"}', hide, about={"statuscode": 200}, headers={"x-a": "a123456"})
    assert (told["data"], told["statuscode"], told["headers"]) == ({"a": "<***>"}, 200, {"x-a": "a***"})
    assert event(b'{"a": 123456}', hide)["data"] == '{"a": ***}'
    assert Renderer(SETTINGS, hide).render(record(b"\xff123456")).file == ("shop/blue/2026/03/09/08/i", b"\xff***")


def test_rows_are_strict_json() -> None:
    rows = [{"a": float("nan"), "b": [1.5, float("inf")], "c": {"d": Path("x")}, "e": "\ud800"}]
    assert json.loads(encode_rows(rows)) == [{"a": None, "b": [1.5, None], "c": {"d": "x"}, "e": "\ud800"}]
    endless: list[Any] = []
    endless.append(endless)
    wrong: tuple[Any, ...] = ({"a": endless}, NO_JSON)
    for row in wrong:
        with pytest.raises((TypeError, ValueError, RecursionError)):
            encode_rows([row])


@pytest.fixture
def files(tmp_path: Path) -> Iterator[CollectionFiles]:
    opened = CollectionFiles(tmp_path, "blue-1")
    yield opened
    opened.close()


def collection(files: CollectionFiles, seed: int = 1, clock: Callable[[], float] = lambda: 0.0) -> Collection:
    return Collection(SETTINGS, CollectionWriter(files, clock), lambda: AT, random.Random(seed))


def test_a_request_is_kept_whole_or_not_at_all(files: CollectionFiles) -> None:
    collected = collection(files)
    numbers = random.Random(1)
    expected = [numbers.random() < 0.3 for _ in range(1000)]
    requests = [collected.begin(str(n)) for n in range(1000)]
    assert [collected.keeps("model_inputs", each) for each in requests] == expected
    assert [collected.keeps("model_inputs", each) for each in requests] == expected
    assert all(collected.keeps("request", each) for each in requests)
    assert not any(collected.keeps("other", each) for each in requests)
    assert 250 < sum(expected) < 350


def test_records_are_appended_by_collection_and_hour(tmp_path: Path, files: CollectionFiles) -> None:
    collected = collection(files)
    request = collected.begin("abc")
    for at in (AT, AT + 1, AT + 3600):
        assert collected.add_rows("model_inputs", [{"at": at}], "abc", request, at)
    assert collected.add_payload("request", b"{}", "application/json", request, {"path": "/score"}, {})
    collected.close(10)
    folder = tmp_path / "shop" / "blue"
    found = {str(file.relative_to(folder)): len(file.read_text().splitlines()) for file in folder.rglob("*.jsonl")}
    assert found == {
        "model_inputs/2026/03/09/08/blue-1.jsonl": 2,
        "model_inputs/2026/03/09/09/blue-1.jsonl": 1,
        "request/2026/03/09/08/blue-1.jsonl": 1,
    }
    assert (collected.writer.written, collected.writer.dropped) == (4, 0)
    assert {file.stat().st_mode & 0o777 for file in folder.rglob("*.jsonl")} == {0o600}


def test_values_without_a_json_form_are_counted(files: CollectionFiles) -> None:
    collected = collection(files)
    assert not collected.add_rows("model_inputs", [NO_JSON], "abc", None)
    assert collected.writer.dropped == 1


def test_a_queue_that_is_full_drops_records(monkeypatch: pytest.MonkeyPatch, files: CollectionFiles) -> None:
    collected = collection(files)
    monkeypatch.setattr(CollectionWriter, "_run", lambda self: None)
    kept = [collected.add_rows("model_inputs", b"[]", "abc", None) for _ in range(MOST_RECORDS + 3)]
    assert kept.count(False) == 3
    collected.writer.write_waiting()
    assert (collected.writer.written, collected.writer.dropped) == (MOST_RECORDS, 3)


def test_a_disk_that_is_full_leaves_whole_lines_and_is_said_once_a_minute(
    tmp_path: Path, files: CollectionFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    monkeypatch.setattr(CollectionWriter, "_run", lambda self: None)
    collected = collection(files, clock=lambda: now)
    real_write = os.write

    def add_and_write() -> None:
        collected.add_rows("model_inputs", b"[{}]", "abc", None)
        collected.writer.write_waiting()

    def half_written(descriptor: int, content: memoryview) -> int:
        if len(content) < 200:
            raise OSError(28, "No space left on device")
        return real_write(descriptor, content[: len(content) // 2])

    add_and_write()
    monkeypatch.setattr(os, "write", half_written)
    for _ in range(3):
        add_and_write()
    monkeypatch.setattr(os, "write", real_write)
    add_and_write()
    [file] = tmp_path.rglob("*.jsonl")
    assert [json.loads(line)["data"] for line in file.read_text().splitlines()] == [[{}], [{}]]
    assert (collected.writer.written, collected.writer.dropped) == (2, 3)
    assert [each.getMessage() for each in caplog.records] == [
        "data collection: 1 records were dropped: [Errno 28] No space left on device"
    ]
    now = 61.0
    add_and_write()
    assert "2 records were dropped" in caplog.records[-1].getMessage()
    assert caplog.records[-1].levelno == logging.WARNING


def test_a_file_that_was_removed_or_cut_off_is_begun_anew(tmp_path: Path, files: CollectionFiles) -> None:
    files.append("a", "folder", b"1\n")
    (tmp_path / "folder" / "blue-1.jsonl").unlink()
    files.append("a", "folder", b"2\n")
    assert (tmp_path / "folder" / "blue-1.jsonl").read_bytes() == b"2\n"
    files.close()
    (tmp_path / "folder" / "blue-1.jsonl").write_bytes(b"2\n{")
    files.append("a", "folder", b"3\n")
    assert (tmp_path / "folder" / "blue-1.jsonl").read_bytes() == b"2\n{\n3\n"


def test_who_comes_second_takes_another_name(tmp_path: Path, files: CollectionFiles) -> None:
    other = CollectionFiles(tmp_path, "blue-1")
    files.append("a", "folder", b"1\n")
    other.append("a", "folder", b"2\n")
    files.append("a", "folder", b"3\n")
    other.close()
    assert (tmp_path / "folder" / "blue-1.jsonl").read_bytes() == b"1\n3\n"
    assert (tmp_path / "folder" / "blue-1-1.jsonl").read_bytes() == b"2\n"
