"""A flow that tries what it must not: each attempt's name with "refused: …", or "DONE" when it succeeded."""

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
from pathlib import Path

from promptflow.core import tool

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, CLONE_NEWUSER, CLONE_NEWNS, MS_REMOUNT, MS_BIND = 16, 0x10000000, 0x20000, 32, 4096


def libc(name, *arguments):
    if getattr(LIBC, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def connect(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)


def write(path):
    Path(path).write_text("hostile")


def append(path):
    with open(path, "ab") as file:
        file.write(b"hostile")


def read_memory(pid):
    with open(f"/proc/{pid}/mem", "rb") as file:
        file.seek(0x400000)
        file.read(1)


def attach(pid):
    libc("ptrace", PTRACE_ATTACH, pid, None, None)
    os.kill(pid, signal.SIGCONT)


def through_descriptors():
    """Whether a descriptor beyond the streams and the two sockets was left open by those who started us."""
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue
        if target.startswith("/") and not target.startswith(("/dev/", "/proc/", os.environ["HOME"])):
            # One's own log, which may be written, and nothing else; it may not be read through it.
            if int(name) > 2:
                return
            Path(f"/proc/self/fd/{name}").read_text()
            return
    raise PermissionError("nothing was inherited")


def escape_by_working_directory():
    libc("chroot", b"/proc/1/root")


def nested():
    libc("unshare", CLONE_NEWUSER | CLONE_NEWNS)


def device():
    libc("mknod", os.path.join(os.environ["HOME"], "disk").encode(), 0o60600, os.makedev(254, 0))


def attempts(told):
    home, server, other = told["home"], told["server"], told["other"]
    yield from ((f"read {path}", lambda path=path: Path(path).read_bytes()) for path in told["secrets"])
    yield from ((f"list {path}", lambda path=path: os.listdir(path)) for path in told["folders"])
    yield from ((f"connect to {path}", lambda path=path: connect(path)) for path in told["sockets"])
    for pid in {server, other, told["gateway"], told["supervisor"], 1}:
        for name in ("environ", "maps", "auxv"):
            yield f"/proc/{pid}/{name}", lambda pid=pid, name=name: Path(f"/proc/{pid}/{name}").read_bytes()
        yield f"memory of {pid}", lambda pid=pid: read_memory(pid)
        yield f"root of {pid}", lambda pid=pid: os.listdir(f"/proc/{pid}/root{home}")
        yield f"descriptors of {pid}", lambda pid=pid: os.readlink(f"/proc/{pid}/fd/0")
        yield f"ptrace {pid}", lambda pid=pid: attach(pid)
        yield f"signal {pid}", lambda pid=pid: os.kill(pid, signal.SIGCONT)
        yield f"limits of {pid}", lambda pid=pid: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        yield f"processors of {pid}", lambda pid=pid: os.sched_setaffinity(pid, {0})
        yield f"priority of {pid}", lambda pid=pid: os.setpriority(os.PRIO_PROCESS, pid, 19)
    yield f"kill {server}", lambda: os.kill(server, signal.SIGKILL)
    if told["user is shared"]:
        yield "priority of the user", lambda: os.setpriority(os.PRIO_USER, 0, 19)
    yield from ((f"write {path}", lambda path=path: write(path)) for path in told["writes"])
    yield "append to the flow", lambda: append(__file__)
    yield "append to a package", lambda: append(json.__file__)
    yield "append to a package of the environment", lambda: append(told["package"])
    yield "change the mode of the flow", lambda: os.chmod(__file__, 0o777)
    yield "remove the flow", lambda: os.remove(__file__)
    yield "inherited descriptors", through_descriptors
    yield "mount", lambda: libc("mount", b"tmpfs", os.environ["HOME"].encode(), b"tmpfs", 0, None)
    yield "remount", lambda: libc("mount", None, b"/usr", None, MS_REMOUNT | MS_BIND, None)
    yield "unmount", lambda: libc("umount2", b"/usr", 2)
    yield "another namespace", nested
    yield "chroot", escape_by_working_directory
    yield "setuid", lambda: os.setuid(0)
    yield "setgid", lambda: os.setgid(0)
    yield "setgroups", lambda: os.setgroups([0])
    yield "su", lambda: subprocess.run(["su", "-c", "id"], check=True, capture_output=True)
    yield "make a device", device
    yield "abstract socket", lambda: connect("\0" + told["abstract"])


@tool
def say(text: str):
    told = json.loads(text)
    outcome = {}
    for name, attempt in attempts(told):
        try:
            attempt()
        except Exception as problem:
            outcome[name] = f"refused: {problem}"
        else:
            outcome[name] = "DONE"
    return json.dumps(outcome)
