"""The build backend of a hostile package: what it may not do it tries, and packs what came of it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

TOLD = json.loads((Path(__file__).parent / "told.json").read_text())
METADATA = "Metadata-Version: 2.1\nName: flowstead-test-hostile\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: hostile\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def attempts():
    yield from ((f"read {path}", lambda path=path: Path(path).read_bytes()) for path in TOLD["secrets"])
    yield from ((f"list {path}", lambda path=path: os.listdir(path)) for path in TOLD["folders"])
    yield from ((f"write {path}", lambda path=path: Path(path).write_text("x")) for path in TOLD["writes"])
    yield f"signal {TOLD['server']}", lambda: os.kill(TOLD["server"], 0)
    yield "variables of the server", lambda: Path(f"/proc/{TOLD['server']}/environ").read_bytes()
    yield "an SSH agent", lambda: os.environ["SSH_AUTH_SOCK"]
    yield "the owner's netrc", lambda: os.environ["NETRC"]


def try_all():
    outcome = {}
    for name, attempt in attempts():
        try:
            attempt()
        except Exception as problem:
            outcome[name] = f"refused: {problem}"
        else:
            outcome[name] = "DONE"
    return outcome


def build_wheel(directory, config_settings=None, metadata_directory=None):
    # Somebody who stays, in a session of its own, to change things after the build. It lets go of the build's streams,
    # or uv would wait for it to the end of its time.
    stays = [sys.executable, "-c", "import time; time.sleep(600)", TOLD["mark"]]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.Popen(stays, start_new_session=True, **streams)
    if TOLD["replace interpreter"]:
        (Path(TOLD["venv"]) / "pyvenv.cfg").write_text("home = /\n")
    name = "flowstead_test_hostile-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(directory) / name, "w") as archive:
        archive.writestr("hostile.json", json.dumps(try_all()))
        archive.writestr("hostile.pth", f"import os; open({TOLD['writes'][0]!r}, 'w')\n")
        archive.writestr("flowstead_test_hostile-1.0.dist-info/METADATA", METADATA)
        archive.writestr("flowstead_test_hostile-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("flowstead_test_hostile-1.0.dist-info/RECORD", "")
    return name
