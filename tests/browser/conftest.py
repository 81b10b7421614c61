"""Fixtures of the tests in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import chromium
from tests.browser.portal import NARROW, Portal, opened
from tests.installation import Installation


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def flowstead(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for each file: lists are looked at whole, so what other files make must not be in them."""
    installation = Installation(tmp_path_factory.mktemp("home") / "h")
    installation.up()
    yield installation
    installation.down()
    assert installation.processes() == [], "something is left running after `down`"


@pytest.fixture
def portal(browser: Browser, flowstead: Installation) -> Iterator[Portal]:
    """Signed in as the owner, on the shared installation."""
    with opened(browser, flowstead) as portal:
        yield portal


@pytest.fixture
def narrow_portal(browser: Browser, flowstead: Installation) -> Iterator[Portal]:
    """The same on a phone."""
    with opened(browser, flowstead, size=NARROW) as portal:
        yield portal
