"""The security page's promises name tests that are there."""

from __future__ import annotations

import re

from tests.installation import ROOT

PAGE = (ROOT / "docs/guide/security.md").read_text("utf-8")
RULES = re.findall(r"^### (\d+)\. (.+?)$(.*?)(?=^##)", PAGE, re.M | re.S)
TEST_FILE = re.compile(r"`([\w/]+\.py)`")


def test_there_are_twelve_promises() -> None:
    assert [int(number) for number, _, _ in RULES] == list(range(1, 13))


def test_each_promise_names_tests_that_exist() -> None:
    for _, title, text in RULES:
        named = TEST_FILE.findall(text.partition("Tested in")[2])
        assert named, title
        for name in named:
            assert "def test_" in (ROOT / name).read_text("utf-8"), f"{title}: {name}"


def test_reports_go_to_no_address() -> None:
    """Private reporting is the repository's own: an address here would be nobody's."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    assert "@" not in text
    assert "://" not in text
