"""What holds for all pages: no serious accessibility fault, nothing said on the console, no other host asked, and on a
phone nothing that sticks out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.furnished import PAGES, furnish
from tests.browser.people import somebody
from tests.browser.portal import NARROW, WIDE, opened, scrolls_sideways
from tests.installation import FULL, Installation


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("furnished")
    site = Installation(folder / "h")
    site.up()
    furnish(site, folder)
    yield site
    site.down()


OTHER_TABS = (
    "/endpoints?tab=endpoints",
    "/endpoints?tab=models",
    *(f"/access?tab={tab}" for tab in ("roles", "check", "identities", "principals", "audit")),
    *(f"/settings?tab={tab}" for tab in ("sessions", "keys", "quota", "clean-up")),
)


@pytest.mark.parametrize("role", ["Reader", "Contributor"])
def test_every_page_is_quiet_for_who_may_less(browser: Browser, furnished: Installation, role: str) -> None:
    """A browser prints every refusal on the console: what would be refused is not asked for."""
    person = somebody(furnished, f"every-page-{role.lower()}", role, "workspace")
    with opened(browser, furnished, link=person.link) as portal:
        for path in (*PAGES.values(), *OTHER_TABS):
            page = portal.open(path)
            expect(page.get_by_label("Loading", exact=True)).to_have_count(0)
            portal.check()


@pytest.mark.parametrize(
    ("size", "scheme"), [(WIDE, "light"), (NARROW, "dark"), *([(WIDE, "dark"), (NARROW, "light")] if FULL else [])]
)
def test_every_page_is_accessible_and_quiet(
    browser: Browser, furnished: Installation, size: tuple[int, int], scheme: str
) -> None:
    faults: dict[str, list[str]] = {}
    with opened(browser, furnished, size=size, scheme=scheme) as portal:
        for name, path in PAGES.items():
            page = portal.open(path)
            expect(page.get_by_label("Loading", exact=True)).to_have_count(0)
            faults[name] = portal.accessibility_faults()
            if scrolls_sideways(page):
                faults[name].append("the page scrolls sideways")
    assert {name: found for name, found in faults.items() if found} == {}
