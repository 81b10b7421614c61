"""A Chromium to drive: the machine's own, else one that is installed for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),  # Chromium's sandbox refuses root
)


def find() -> str:
    """Its path. Fails naming what to install."""
    found = _on_the_machine() or _from_debian() or _from_playwright()
    assert found, "The browser tests need Chromium or Chrome; on Debian or Ubuntu: apt install chromium"
    return found


def _on_the_machine() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)


def _from_debian() -> str | None:
    """Installed by the system's packages, where we may."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"]):
        subprocess.run(["apt-get", "-qq", *command], env=environment, check=False, stdout=subprocess.DEVNULL)
    return _on_the_machine()


def _from_playwright() -> str | None:
    """Playwright's own, which it downloads; needs none of the machine's rights."""
    from playwright.sync_api import sync_playwright

    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None
