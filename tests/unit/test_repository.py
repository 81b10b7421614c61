"""Rules that the files of the repository keep."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.installation import ROOT

REGISTRY_HOSTS = re.compile(rb"(pypi|pythonhosted|registry\.npmjs|registry\.yarnpkg|deb\.debian|debian)\.(org|com)\b")


def committed_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    named = [name for name in committed_files() if REGISTRY_HOSTS.search((ROOT / name).read_bytes())]
    assert named == []


def test_no_lock_with_addresses_is_committed() -> None:
    assert [name for name in committed_files() if name.endswith("uv.lock")] == []


def test_every_pin_of_the_lock_has_a_hash() -> None:
    for lock in ("bootstrap.txt", "runtime.txt", "dev.txt"):
        text = (ROOT / "requirements" / lock).read_text("utf-8")
        pins = re.findall(r"^\S+==\S+.*?(?=^\S|\Z)", text, re.M | re.S)
        assert pins
        assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


SYNONYMS = re.compile(r"\b(replicas?|pods?|utils?|helpers?)\b", re.I)


def test_one_noun_per_thing() -> None:
    """Module names keep to the words of the house."""
    named = [name for name in committed_files() if name.endswith(".py") and SYNONYMS.search(name.replace("_", " "))]
    assert named == []
