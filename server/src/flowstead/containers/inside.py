"""The first thing that runs in a container with the runtime, by its own Python: `-c TEXT SETTINGS ARGUMENTS…`.

SETTINGS is JSON: `umask`, and `sockets`, paths to bind as descriptors 3, 4, … where none could be handed down. The
variables come by the standard input: what is given to an engine is written down by it. Then Python runs ARGUMENTS.
"""

# ruff: noqa: S606 no shell is wanted

from __future__ import annotations

import json
import os
import socket
import sys

settings = json.loads(sys.argv[1])
os.umask(settings["umask"])
os.environ["PATH"] = os.path.dirname(sys.executable) + ":" + os.environ.get("PATH", "/usr/bin:/bin")  # noqa: PTH120
os.environ.update(json.load(sys.stdin.buffer))
for number, path in enumerate(settings["sockets"], start=3):
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(path)
    listening.listen(4096)
    os.dup2(listening.fileno(), number)
    os.set_inheritable(number, True)
    if listening.fileno() == number:
        listening.detach()
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
