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


@pytest.mark.parametrize("field", ["sv", "sr", "sp", "se", "si", "sig"])
def test_no_field_can_be_changed_or_left_out(field: str) -> None:
    with pytest.raises(UploadRefused):
        checked(query(**{field: "rwacdl"}))
    with pytest.raises(UploadRefused):
        checked({name: value for name, value in query().items() if name != field})


def test_fields_cannot_be_shifted_into_each_other() -> None:
    given = query()
    for se, si in ((f"{given['se']}\n{given['si']}", ""), ("", f"{given['se']}\n{given['si']}")):
        with pytest.raises(UploadRefused):
            checked({**given, "se": se, "si": si})


def test_all_names_are_such_as_azures_client_knows() -> None:
    """It takes a text with any other for an account's key, and signs its requests with that instead."""
    full = dict(parse_qsl(sign(KEY, container="box", prefixes=("a",), permissions="r", expires=NOW, starts=NOW)))
    assert full.keys() == {"sv", "sr", "sp", "st", "se", "si", "sig"}


def test_a_signature_may_begin_later() -> None:
    until = NOW + timedelta(hours=2)
    later = sign(
        KEY, container="box", prefixes=("up/",), permissions="w", expires=until, starts=NOW + timedelta(hours=1)
    )
    given = dict(parse_qsl(later))
    with pytest.raises(UploadRefused, match="holds from"):
        checked(given)
    checked(given, now=NOW + timedelta(hours=1))
    with pytest.raises(UploadRefused):
        checked({name: value for name, value in given.items() if name != "st"})
    with pytest.raises(UploadRefused):
        checked(query(st="2025-01-01T00:00:00Z"))


def test_some_prefixes_may_only_be_read() -> None:
    text = sign(KEY, container="box", prefixes=("up/",), permissions="rwl", expires=NOW + timedelta(hours=1),
                read_only=("seen/",))  # fmt: skip
    given = dict(parse_qsl(text))
    for permission in "rl":
        checked(given, path="seen/x", permissions=permission)
    checked(given, path="up/x")
    with pytest.raises(UploadRefused, match="does not permit"):
        checked(given, path="seen/x", permissions="w")
    with pytest.raises(UploadRefused, match="other paths"):
        checked(given, path="elsewhere", permissions="r")


def test_prefixes_with_the_letters_that_separate_them() -> None:
    given = dict(
        parse_qsl(sign(KEY, container="box", prefixes=("a,b:%",), permissions="w", expires=NOW + timedelta(1)))
    )
    checked(given, path="a,b:%c")
    for other in ("a", "b:%", "b"):
        with pytest.raises(UploadRefused):
            checked(given, path=other)
    with pytest.raises(ValueError, match="some prefix"):
        sign(KEY, container="box", prefixes=(), permissions="w", expires=NOW)


def test_an_empty_query_is_refused() -> None:
    with pytest.raises(UploadRefused):
        checked({})
    with pytest.raises(UploadRefused):
        checked({"sig": "ünïcode"})
