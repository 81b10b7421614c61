"""What the keeper of a container is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.containers import keeper
from flowstead.containers.host import ContainerEngine
from flowstead.engines.local.contained import Surroundings, container_process, health_path, held_to
from flowstead.engines.local.process import FATAL_EXIT_CODES
from flowstead.engines.protocol import Contained, InstanceSpec
from flowstead.resources.deployment import RequestSettings
from flowstead.resources.home import Home
from flowstead.resources.inference import Inference
from flowstead.resources.vm_sizes import VmSize

PODMAN = ContainerEngine("podman", Path("/usr/bin/podman"), "4.3.1", cores=2)
DOCKER = ContainerEngine("docker", Path("/usr/bin/docker"), "27.1.0", cores=2)
HOME = Home(Path("/h"))
RUNTIME = Contained("localhost/flowstead/environment:1")
SERVER = Contained("localhost/flowstead/environment:2", Inference(5001, "/alive", "/ready", "/predict"))
SIZE = VmSize("Standard_DS1_v2", 1, 3.5)
SPEC = InstanceSpec(
    id="abc",
    endpoint="chat",
    deployment="blue",
    deployment_uid="uid",
    revision="r1",
    flow=HOME.models / "hash" / "inner",
    python=Path("/h/environments/1/.ready"),
    environment={"API_KEY": "the-secret", "LD_PRELOAD": "/x.so", "PATH": "/image/bin"},
    request_settings=RequestSettings(90.0, 10, 0.5, 20),
    log=Path("/logs/abc.log"),
    size=SIZE,
)


def process(container: Contained, engine: ContainerEngine = PODMAN, **changes: Any) -> tuple[Any, dict[str, Any], str]:
    """The process, what its keeper is told, and the command line of the container."""
    around = Surroundings(engine, HOME, Path("/run/abc"), Path("/scratch/abc"), (7, 7), {"PATH": "/bin", "NOT": "x"})
    found = container_process(replace(SPEC, **changes), container, around)
    wanted = json.loads(found.argv[-1])
    return found, wanted, " ".join(wanted["run"])


@pytest.mark.parametrize("container", [RUNTIME, SERVER])
@pytest.mark.parametrize("engine", [PODMAN, DOCKER])
def test_no_command_line_holds_a_secret_and_no_variable_steers_keeper_or_client(
    container: Contained, engine: ContainerEngine
) -> None:
    found, wanted, _ = process(container, engine)
    assert "the-secret" not in " ".join(found.argv)
    assert set(found.environment) == {"PATH", keeper.VARIABLES}
    assert found.environment["PATH"] == "/bin"
    assert json.loads(found.environment[keeper.VARIABLES])["API_KEY"] == "the-secret"
    assert not {"LD_PRELOAD", "PATH", "HOME"} & set(wanted["named"])


def test_with_the_runtime_sockets_are_handed_down_and_variables_come_by_the_standard_input() -> None:
    found, wanted, line = process(RUNTIME)
    assert (wanted["relay"], wanted["speaks"], wanted["named"]) == (None, True, [])
    assert "--preserve-fds 2" in line
    assert "--interactive" in line
    assert "--network host" in line
    assert "--flow /var/azureml-app/azureml-models/model/inner --fd 3 --health-fd 4" in line
    assert "source=/h/models/hash,target=/var/azureml-app/azureml-models/model,readonly=true" in line
    assert "--cpus 1 --memory 3758096384b" in line
    assert found.sockets == ("/run/abc/score.sock", "/run/abc/health.sock")
    assert set(found.fatal_exit_codes) == set(FATAL_EXIT_CODES)
    variables = json.loads(found.environment[keeper.VARIABLES])
    assert variables["AZUREML_MODEL_DIR"] == "/var/azureml-app/azureml-models/model/inner"


def test_docker_hands_no_sockets_down_so_that_connections_are_handed_on() -> None:
    _, wanted, line = process(RUNTIME, DOCKER)
    assert wanted["relay"] == ["/run/abc/io/score", "/run/abc/io/health"]
    assert "--preserve-fds" not in line
    assert "source=/run/abc/io,target=/run/flowstead" in line
    assert '"sockets": ["/run/flowstead/score", "/run/flowstead/health"]' in line


def test_an_image_s_own_server_has_a_network_of_its_own() -> None:
    found, wanted, line = process(SERVER)
    assert (wanted["relay"], wanted["speaks"]) == (5001, False)
    assert "--network" not in line
    assert "--publish" not in line
    assert line.endswith("localhost/flowstead/environment:2")
    assert "API_KEY" in wanted["named"]
    assert "--env LD_PRELOAD=/x.so" in line
    assert found.fatal_exit_codes == ()
    assert (health_path(SERVER), health_path(RUNTIME)) == ("/ready", "/health")


def test_what_it_is_held_to_is_the_engine_s_to_enforce() -> None:
    held = held_to(replace(SIZE, cores=8), PODMAN)
    assert held is not None
    assert (held.cores, held.memory_bytes, held.enforcement) == (2, SIZE.memory_bytes, "podman")
    unbounded = held_to(SIZE, replace(PODMAN, limits=frozenset()))
    assert unbounded is not None
    assert unbounded.enforcement == "none"
    assert held_to(None, PODMAN) is None
