"""Writes the reference pages that come from code.

python docs/generate.py          write them
python docs/generate.py --check  fail when one is out of date (make lint)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from flowstead.errors import all_errors

REFERENCE = Path(__file__).resolve().parent / "reference"
PROVIDED = Path(__file__).resolve().parent.parent / "requirements" / "runtime.txt"


def errors_page() -> str:
    rows = [
        f"| `{error.code}` | {error.status} | {(error.__doc__ or '').strip()} | {error.hint} |"
        for error in all_errors()
    ]
    table = "\n".join(dict.fromkeys(rows))
    return f"""\
# Errors

Made from `flowstead/errors.py`. `code` and status are those of REST answers and of failed operations; the command line
prints the code, the message and the next step.

| code | status | what happened | next step |
|---|---|---|---|
{table}
"""


def packages_page() -> str:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", PROVIDED.read_text("utf-8"), re.M)
    table = "\n".join(f"| {name} | {version} |" for name, version in pins)
    return f"""\
# Packages of the default runtime

Made from `requirements/runtime.txt`. Every environment has these beside the flow's own requirements, which win where
they pin another version. `promptflow` and its parts are served by the runtime itself.

| package | version |
|---|---|
{table}
"""


PAGES: dict[str, Callable[[], str]] = {"errors.md": errors_page, "runtime-packages.md": packages_page}


def main() -> int:
    stale = [name for name, page in PAGES.items() if _text_of(REFERENCE / name) != page()]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} is out of date: python docs/generate.py", file=sys.stderr)
        return 1 if stale else 0
    REFERENCE.mkdir(exist_ok=True)
    for name in stale:
        (REFERENCE / name).write_text(PAGES[name](), "utf-8")
    return 0


def _text_of(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
