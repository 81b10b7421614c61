from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from flowstead.access.signatures import check, sign
from flowstead.errors import UploadRefused

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = b"k" * 32


def query(**changes: str) -> dict[str, str]:
    text = sign(KEY, container="box", prefixes=("up/a/", "other/"), permissions="cw", expires=NOW + timedelta(hours=1))
    return {**dict(parse_qsl(text)), **changes}


def checked(given: dict[str, str], *, path: str = "up/a/file", container: str = "box", permissions: str = "w",
            now: datetime = NOW, key: bytes = KEY) -> None:  # fmt: skip
    check(key, given, container=container, path=path, permissions=permissions, now=now)


def test_a_signature_opens_its_prefixes() -> None:
    checked(query())
    checked(query(), path="other/x")
    checked(query(), now=NOW + timedelta(minutes=59))
    checked(query(), permissions="rc")


def test_a_signature_opens_nothing_else() -> None:
    for refused in (
        {"path": "up/b/file"},
        {"path": "up/a"},
        {"container": "other"},
        {"permissions": "r"},
        {"permissions": ""},
        {"now": NOW + timedelta(hours=1)},
        {"key": b"z" * 32},
    ):
        with pytest.raises(UploadRefused):
            checked(query(), **refused)


@pytest.mark.parametrize("field", ["sv", "sr", "sp", "se", "fsc", "fsp", "sig"])
def test_no_field_can_be_changed_or_left_out(field: str) -> None:
    with pytest.raises(UploadRefused):
        checked(query(**{field: "rwacdl"}))
    with pytest.raises(UploadRefused):
        checked({name: value for name, value in query().items() if name != field})


def test_fields_cannot_be_shifted_into_each_other() -> None:
    given = query()
    shifted = {**given, "fsc": "box\nup/a/,other/", "fsp": ""}
    with pytest.raises(UploadRefused):
        checked(shifted, container="box\nup/a/,other/")


def test_an_empty_query_is_refused() -> None:
    with pytest.raises(UploadRefused):
        checked({})
    with pytest.raises(UploadRefused):
        checked({"sig": "ünïcode"})
