"""Files sent in blocks, and the bounds that keep such uploads from filling the disk."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from flowstead.store import blocks, drafts
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi

FILE = "/flowstead.blob.core.private/azureml-blobstore/LocalUpload/aa/big.bin"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


@pytest.fixture
def sas(api: InProcessApi) -> str:
    return str(api.call("POST", "datastores/workspaceblobstore/listSecrets").json()["sasToken"])


def put_block(api: InProcessApi, sas: str, number: int, content: bytes, *, path: str = FILE) -> httpx.Response:
    return api.call(
        "PUT", f"{path}?comp=block&blockid={quote(block_id(number))}&{sas}", token=None, content=content,
        headers={"Content-MD5": md5(content)},
    )  # fmt: skip


def commit(api: InProcessApi, sas: str, ids: list[str], tag: str = "Latest", **headers: str) -> httpx.Response:
    xml = "".join(f"<{tag}>{id}</{tag}>" for id in ids)
    body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{xml}</BlockList>'
    return api.call("PUT", f"{FILE}?comp=blocklist&{sas}", token=None, content=body, headers=headers)


def block_id(number: int) -> str:
    return base64.b64encode(f"block-{number:06}".encode()).decode()


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def waiting(api: InProcessApi) -> list[Path]:
    return [path for path in (api.home.uploads / ".blocks").rglob("*") if path.is_file()]


def test_blocks_that_come_in_any_order_become_a_file(api: InProcessApi, sas: str) -> None:
    parts = [os.urandom(1000) for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: put_block(api, sas, number, parts[number]), reversed(range(20))))
    assert {answer.status_code for answer in answers} == {201}
    assert api.call("HEAD", f"{FILE}?{sas}", token=None).status_code == 404, "not before it is complete"
    done = commit(api, sas, [block_id(n) for n in range(20)], **{"x-ms-meta-a": "b"})
    assert (done.status_code, done.content) == (201, b"")
    assert done.headers["ETag"]
    # The client would compare it with the digest of the list that it sent, and try again for minutes.
    assert "Content-MD5" not in done.headers
    found = api.call("GET", f"{FILE}?{sas}", token=None)
    assert found.content == b"".join(parts)
    assert (found.headers["x-ms-meta-a"], "Content-MD5" in found.headers) == ("b", False)
    assert waiting(api) == []


def test_a_block_may_be_sent_again_and_named_twice(api: InProcessApi, sas: str) -> None:
    put_block(api, sas, 1, b"old")
    put_block(api, sas, 1, b"new")
    put_block(api, sas, 2, b"-")
    whole = md5(b"new-new")
    assert commit(api, sas, [block_id(1), block_id(2), block_id(1)], "Uncommitted", **{"x-ms-blob-content-md5": whole})
    found = api.call("GET", f"{FILE}?{sas}", token=None)
    assert (found.content, found.headers["Content-MD5"]) == (b"new-new", whole)


def test_a_list_that_cannot_be_kept_is_refused(api: InProcessApi, sas: str) -> None:
    put_block(api, sas, 1, b"one")
    for ids, tag in (
        ([block_id(2)], "Latest"),
        ([block_id(1)], "Committed"),
        (["no base64!"], "Latest"),
        ([""], "Latest"),
    ):
        assert commit(api, sas, ids, tag).status_code == 400, ids
    bomb = '<!DOCTYPE b [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><BlockList><Latest>&b;</Latest></BlockList>'
    for body in ("", "<BlockList>", "<Other/>", bomb, b"\xff\xfe"):
        answer = api.call("PUT", f"{FILE}?comp=blocklist&{sas}", token=None, content=body)
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "BadArgument"), body
    assert commit(api, sas, [block_id(1)]).status_code == 201, "what waits is still there"


@pytest.mark.parametrize("id", ["", "x", "*", "A" * 100, "..%2f..%2fx", "%00"])
def test_an_id_that_is_none_is_refused(api: InProcessApi, sas: str, id: str) -> None:
    answer = api.call("PUT", f"{FILE}?comp=block&blockid={id}&{sas}", token=None, content=b"x")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "BadArgument")
    assert waiting(api) == []


def test_a_block_that_was_damaged_on_its_way_is_refused(api: InProcessApi, sas: str) -> None:
    url = f"{FILE}?comp=block&blockid={quote(block_id(1))}&{sas}"
    assert api.call("PUT", url, token=None, content=b"x", headers={"Content-MD5": md5(b"y")}).status_code == 400
    assert waiting(api) == []


def test_few_bytes_named_very_often_make_no_large_file(
    api: InProcessApi, sas: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 GB of one block of 4 MB: the sizes are added up before a byte is written."""
    monkeypatch.setattr(blocks, "MAX_FILE_BYTES", 10_000)
    put_block(api, sas, 1, b"x" * 1000)
    sparse = commit(api, sas, [block_id(1)] * 11)
    assert (sparse.status_code, sparse.headers["x-ms-error-code"]) == (413, "PayloadTooLarge")
    assert list((api.home.uploads / ".incoming").iterdir()) == []
    assert commit(api, sas, [block_id(1)] * 10).status_code == 201
    put_block(api, sas, 1, b"x")
    assert commit(api, sas, [block_id(1)] * 50_001).status_code == 413


def test_block_ids_without_end_are_refused(api: InProcessApi, sas: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_BLOCKS", 5)
    assert [put_block(api, sas, n, b"x").status_code for n in range(7)] == [201] * 5 + [413] * 2
    monkeypatch.setattr(blocks, "MAX_WAITING_BLOCKS", 6)
    assert [put_block(api, sas, n, b"x", path=FILE + "2").status_code for n in range(3)] == [201, 413, 413]
    monkeypatch.setattr(blocks, "MAX_WAITING_BYTES", 10)
    assert put_block(api, sas, 0, b"x" * 5).status_code == 201, "in the place of another"
    assert put_block(api, sas, 0, b"x" * 6).status_code == 413
    assert len(waiting(api)) == 6
    commit(api, sas, [block_id(0)])
    assert put_block(api, sas, 7, b"x" * 9, path=FILE + "3").status_code == 201, "there is room again"


def test_a_full_disk_is_left_alone(api: InProcessApi, sas: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "kept_free", lambda _total: 1 << 62)
    assert put_block(api, sas, 1, b"x").status_code == 413
    refused = api.call("PUT", f"{FILE}?{sas}", token=None, content=b"x")
    assert (refused.status_code, "no room" in refused.text) == (413, True)


def test_what_nobody_completes_goes_after_a_day(tmp_path: Path) -> None:
    clock = FrozenClock()
    with InProcessApi(tmp_path, clock=clock) as api:
        query = str(api.call("POST", "datastores/workspaceblobstore/listSecrets").json()["sasToken"])
        put_block(api, query, 1, b"x")
        put_block(api, query, 1, b"y", path=FILE + "2")
        old, young = sorted(
            (api.home.uploads / ".blocks").iterdir(), key=lambda each: (each / block_hex(1)).read_bytes()
        )
        now = clock.now().timestamp()
        os.utime(old, (now - 86_500, now - 86_500))
        os.utime(young, (now - 86_300, now - 86_300))
    with InProcessApi(tmp_path, clock=clock) as api:
        assert list((api.home.uploads / ".blocks").iterdir()) == [young], "at the next start"
        os.utime(young, (now - 86_500, now - 86_500))
        put_block(api, query, 1, b"z", path=FILE + "3")
        assert [path.read_bytes() for path in waiting(api)] == [b"z"], "or when another upload begins"


def test_blocks_outlive_the_server(tmp_path: Path) -> None:
    with InProcessApi(tmp_path) as api:
        query = str(api.call("POST", "datastores/workspaceblobstore/listSecrets").json()["sasToken"])
        put_block(api, query, 1, b"one")
    with InProcessApi(tmp_path) as api:
        put_block(api, query, 2, b"two")
        assert commit(api, query, [block_id(1), block_id(2)]).status_code == 201
        assert api.call("GET", f"{FILE}?{query}", token=None).content == b"onetwo"


def test_a_file_sent_whole_takes_the_place_of_its_blocks(api: InProcessApi, sas: str) -> None:
    put_block(api, sas, 1, b"one")
    assert api.call("PUT", f"{FILE}?{sas}", token=None, content=b"whole").status_code == 201
    assert waiting(api) == []
    assert commit(api, sas, [block_id(1)]).status_code == 400


def block_hex(number: int) -> str:
    return base64.b64decode(block_id(number)).hex()
