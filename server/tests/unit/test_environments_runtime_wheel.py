"""The wheel of the installed runtime."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib import metadata

import pytest

from flowstead.environments import runtime_wheel
from flowstead.errors import StartFailed


def test_it_holds_the_package_its_metadata_and_a_true_record() -> None:
    wheel = runtime_wheel.pack()
    version = metadata.version("flowstead-runtime")
    assert wheel.name == f"flowstead_runtime-{version}-py3-none-any.whl"
    archive = zipfile.ZipFile(io.BytesIO(wheel.content))
    names = set(archive.namelist())
    info = f"flowstead_runtime-{version}.dist-info"
    assert {"flowstead_runtime/__init__.py", "flowstead_runtime/provided.txt", "flowstead_runtime/py.typed"} < names
    assert {f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"} < names
    assert not [name for name in names if name.endswith(".pyc") or "direct_url" in name]

    recorded = dict(line.split(",", 1) for line in archive.read(f"{info}/RECORD").decode().splitlines() if line)
    assert set(recorded) == names
    for name, rest in recorded.items():
        if name.endswith("RECORD"):
            continue
        content = archive.read(name)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert rest == f"sha256={digest},{len(content)}"


def test_it_is_the_same_each_time() -> None:
    first, second = runtime_wheel.pack(), runtime_wheel.pack()
    assert first.content == second.content
    assert first.digest == hashlib.sha256(first.content).hexdigest()


def test_its_lock_pins_its_dependencies_with_hashes() -> None:
    wheel = runtime_wheel.pack()
    assert any(each.startswith("openai") for each in wheel.dependencies)
    assert "openai==" in wheel.lock
    assert "--hash=sha256:" in wheel.lock


def test_without_the_runtime_nothing_can_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_wheel, "DISTRIBUTION", "flowstead-runtime-that-is-not-there")
    with pytest.raises(StartFailed):
        runtime_wheel.pack()
