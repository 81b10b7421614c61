"""Rules that the files of the repository keep."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

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


def test_the_portals_lock_has_a_hash_and_no_address_for_each_package() -> None:
    packages = json.loads((ROOT / "portal" / "package-lock.json").read_text("utf-8"))["packages"]
    named = {name: entry for name, entry in packages.items() if name}
    assert len(named) > 100
    assert [name for name, entry in named.items() if "resolved" in entry] == []
    assert [name for name, entry in named.items() if not entry.get("integrity", "").startswith("sha512-")] == []


def test_every_pin_of_the_lock_has_a_hash() -> None:
    for lock in ("bootstrap.txt", "runtime.txt", "dev.txt"):
        text = (ROOT / "requirements" / lock).read_text("utf-8")
        pins = re.findall(r"^\S+==\S+.*?(?=^\S|\Z)", text, re.M | re.S)
        assert pins
        assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def imported_packages(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_the_runtime_declares_what_it_imports() -> None:
    """An instance's environment holds what is declared, and no package that only happens to be in this one."""
    project = tomllib.loads((ROOT / "runtime/pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[<>=;\s]", each)[0] for each in project["dependencies"]}
    providers = packages_distributions()
    sources = (ROOT / "runtime/src").rglob("*.py")
    imported = {package for source in sources for package in imported_packages(source.read_text("utf-8"))}
    foreign = imported - sys.stdlib_module_names - {"flowstead_runtime"}
    undeclared = {each for each in foreign if not declared & {name.lower() for name in providers.get(each, [])}}
    assert undeclared == set()


SYNONYMS = re.compile(r"\b(replicas?|pods?|utils?|helpers?)\b", re.I)


def test_one_noun_per_thing() -> None:
    """Names of modules keep to the words of the house."""
    modules = [name for name in committed_files() if name.endswith((".py", ".ts", ".tsx"))]
    named = [name for name in modules if SYNONYMS.search(re.sub(r"_|(?=[A-Z])", " ", name))]
    assert named == []
