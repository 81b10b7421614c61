"""The portal in a real browser, as somebody who is signed in has it, with an eye on what he does not see: errors on the
console, requests to other hosts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, StorageState, expect

from tests.installation import ROOT, Installation

AXE = ROOT / "portal" / "node_modules" / "axe-core" / "axe.min.js"
WIDE, NARROW = (1280, 800), (390, 844)
_LINK = re.compile(r"https?://\S+/signin#code=\S+")
_RUN_AXE = """Promise.race([
  new Promise((resolve) => setTimeout(resolve, 3000)),
  Promise.allSettled(
    document
      .getAnimations()
      .filter((each) => Number.isFinite(each.effect?.getComputedTiming().endTime))
      .map((each) => each.finished),
  ),
])
  .then(() => axe.run({exclude: [["[data-tabster-dummy]"]]}, {resultTypes: ["violations"]}))
  .then((found) => JSON.stringify(found.violations))"""
"""What comes or goes by an animation is looked at when it is there: half transparent it has no contrast."""
expect.set_options(timeout=15_000)


@dataclass
class Portal:
    """complaints: what the browser said that no page may make it say. expected: of those, what a test provokes."""

    site: Installation
    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """A page of the portal by its address; path as `/flows`. Returns when its heading is there."""
        self.page.goto(f"{self.site.url}/portal{path}")
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        return self.page

    def go(self, label: str) -> None:
        """By the left navigation, from wherever it is."""
        if self.page.url == "about:blank":
            self.open("/")
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name=label, exact=True).click()

    def check(self) -> None:
        """No complaint but the expected ones."""
        left = [each for each in self.complaints if not any(word in each for word in self.expected)]
        assert left == [], "\n".join(left)

    def accessibility_faults(self) -> list[str]:
        """What axe-core calls serious or critical on the page as it is now."""
        # By the debugger: the page's own policy lets no script in. Left out: what Fluent UI puts where the focus enters
        # and leaves, to hand it on at once.
        session = self.page.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": AXE.read_text()})
        asked = {"expression": _RUN_AXE, "awaitPromise": True}
        found: list[dict[str, Any]] = json.loads(session.send("Runtime.evaluate", asked)["result"]["value"])
        session.detach()
        return [
            f"{each['id']}: {each['help']}: {node['html'][:200]}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


@contextmanager
def opened(
    browser: Browser,
    site: Installation,
    *,
    size: tuple[int, int] = WIDE,
    scheme: str = "light",
    link: Callable[[], str] | None = None,
) -> Iterator[Portal]:
    """A new browser profile, signed in. link: makes a one-time link to enter by, which leads to the Overview; without
    it, the session of the command line's person goes on from the browser before, as long as it holds, and no page is
    open yet."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        permissions=["clipboard-read", "clipboard-write"],
        accept_downloads=True,
        reduced_motion="reduce",
        storage_state=None if link else _SESSIONS.get(site.home),
    )
    try:
        portal = Portal(site, context.new_page())
        _watch(portal)
        if link or not _goes_on(site):
            portal.page.goto(link() if link else sign_in_link(site))
            expect(portal.page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
        if link is None:
            _SESSIONS[site.home] = context.storage_state()
        yield portal
        portal.check()
    finally:
        context.close()


_SESSIONS: dict[Path, StorageState] = {}
"""Home → the session of whoever the command line is signed in as there. A sign-in for each test would take half of its
time, and end the oldest sessions."""


def _goes_on(site: Installation) -> bool:
    """Whether the kept session holds still: a test may have ended it."""
    kept = _SESSIONS.get(site.home)
    if kept is None:
        return False
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in kept["cookies"])
    proofs = [each["value"] for origin in kept["origins"] for each in origin["localStorage"] if "csrf" in each["name"]]
    headers = {"Cookie": cookies, "X-CSRF-Token": proofs[0]}
    return httpx.get(f"{site.url}/session", headers=headers, timeout=30).is_success


def sign_in_link(site: Installation) -> str:
    found = _LINK.search(site.run("signin-link").stdout)
    assert found is not None
    return found[0]


def _watch(portal: Portal) -> None:
    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            portal.complaints.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.netloc != urlsplit(portal.site.url).netloc:
            portal.complaints.append(f"request to another host: {request.url}")

    portal.page.on("console", said)
    portal.page.on("pageerror", lambda failure: portal.complaints.append(f"uncaught: {failure}"))
    portal.page.on("request", asked)


def scrolls_sideways(page: Page) -> bool:
    """Whether something is wider than its place on the screen. The document itself never is: `main` scrolls in it."""
    return bool(
        page.evaluate("""[document.documentElement, ...document.querySelectorAll("main, [role=dialog]")]
          .some((each) => each.scrollWidth > each.clientWidth)""")
    )


READABLE_PX = 200
"""A word of a name or two fit in it. What can be done with a row, which is but a button, is no text."""


def narrowest_cell(page: Page) -> float:
    """Of those in tables that hold text: how wide its place is."""
    return float(
        page.evaluate("""Math.min(...[...document.querySelectorAll("td > div")]
          .filter((each) => each.textContent.trim() && each.checkVisibility() && !each.querySelector(".fui-Button"))
          .map((each) => each.getBoundingClientRect().width))""")
    )


def screenshot(portal: Portal, name: str, folder: Path) -> None:
    """Once nothing on the page is loading any more."""
    expect(portal.page.get_by_label("Loading", exact=True)).to_have_count(0)
    expect(portal.page.get_by_text(re.compile("^Loading the "))).to_have_count(0)
    folder.mkdir(parents=True, exist_ok=True)
    portal.page.screenshot(path=folder / f"{name}.png")
