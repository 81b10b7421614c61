"""Pictures of every page, light and dark, wide and narrow, into build/screenshots.

python -m tests.browser.screenshots [NAME ...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.furnished import PAGES, furnish
from tests.browser.portal import NARROW, WIDE, opened, screenshot
from tests.installation import ROOT, Installation

FOLDER = ROOT / "build" / "screenshots"


def main(names: list[str]) -> None:
    """names: of pages; all without any."""
    chosen = {name: path for name, path in PAGES.items() if not names or name in names}
    with tempfile.TemporaryDirectory(prefix="flowstead-screenshots-") as folder, sync_playwright() as playwright:
        site = Installation(Path(folder) / "h")
        site.up()
        try:
            furnish(site, Path(folder))
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.ARGUMENTS))
            for scheme in ("light", "dark"):
                for width, size in (("wide", WIDE), ("narrow", NARROW)):
                    with opened(browser, site, size=size, scheme=scheme) as portal:
                        for name, path in chosen.items():
                            portal.open(path)
                            screenshot(portal, f"{name}-{width}-{scheme}", FOLDER)
            browser.close()
        finally:
            site.down()
    print(f"{4 * len(chosen)} pictures are in {FOLDER.relative_to(ROOT)}.")


if __name__ == "__main__":
    main(sys.argv[1:])
