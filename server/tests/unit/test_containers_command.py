"""What is wanted of an engine → its command line, against golden files.

Refresh the golden files after a change that is meant: FLOWSTEAD_REFRESH_GOLDEN=1.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from flowstead.containers import command
from flowstead.containers.calls import CallFailed, client_variables
from flowstead.containers.command import ContainerRun, Limits, Mount
from flowstead.containers.host import Choice, ContainerEngine, checked_choice, look
from flowstead.errors import BadArgument

GOLDEN = Path(__file__).parent / "golden" / "containers"
PODMAN = ContainerEngine("podman", Path("/usr/bin/podman"), "4.3.1", cores=2)
DOCKER = ContainerEngine("docker", Path("/usr/bin/docker"), "27.1.0", cores=16)
ROOTLESS = replace(PODMAN, rootless=True, limits=frozenset())
RUNTIME = ContainerRun(
    name="flowstead-abc-i1",
    image="localhost/flowstead/environment:0123",
    home="abc",
    command=("/opt/flowstead/venv/bin/python", "-c", "code"),
    user=(700_000_001, 700_000_002),
    host_network=True,
    mounts=(Mount(Path("/home/models/f"), "/flow"), Mount(Path("/scratch/i1"), "/tmp", writable=True)),
    tmpfs=("/run",),
    standard_input=True,
    limits=Limits(cores=4, memory_bytes=8 << 30),
)
OWN_SERVER = replace(
    RUNTIME,
    image="localhost/model:1",
    command=(),
    host_network=False,
    standard_input=False,
    variables=("TOKEN",),
    settings=(("AZUREML_MODEL_DIR", "/model"),),
)


def golden(name: str, lines: list[tuple[str, ...]]) -> None:
    text = "".join(" \\\n  ".join(line) + "\n" for line in lines)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("FLOWSTEAD_REFRESH_GOLDEN") == "1":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("engine", [PODMAN, DOCKER, ROOTLESS], ids=["podman", "docker", "podman-rootless"])
def test_golden_command_lines(engine: ContainerEngine, request: pytest.FixtureRequest) -> None:
    handed = replace(RUNTIME, descriptors=2 if engine.hands_down else 0)
    building = ContainerRun(
        "flowstead-build-1", "python:3.12", "abc", ("/bin/sh", "/inputs/install.sh"), (0, 0), read_only=False
    )
    golden(
        request.node.callspec.id,
        [
            command.run_command(engine, handed),
            command.run_command(engine, OWN_SERVER),
            command.run_command(engine, building),
            command.remove_command(engine, "flowstead-abc-i1"),
            command.containers_command(engine, "abc"),
            command.process_command(engine, "flowstead-abc-i1"),
            command.image_command(engine, "python:3.12"),
            command.pull_command(engine, "python:3.12"),
            command.tag_command(engine, "python:3.12", "localhost/flowstead/environment:0123"),
            command.commit_command(engine, "flowstead-build-1", "localhost/flowstead/environment:0123"),
            command.untag_command(engine, "localhost/flowstead/environment:0123"),
            command.build_command(engine, Path("/context"), "docker/Dockerfile", "localhost/flowstead/context:0123"),
        ],
    )


def test_docker_is_asked_for_no_descriptors() -> None:
    with pytest.raises(ValueError, match="no descriptors"):
        command.run_command(DOCKER, replace(RUNTIME, descriptors=2))


def test_the_value_of_a_variable_is_on_no_command_line() -> None:
    words = command.run_command(PODMAN, OWN_SERVER)
    assert words[words.index("TOKEN") - 1 : words.index("TOKEN") + 1] == ("--env", "TOKEN")


def test_a_path_with_a_comma_stays_one_field() -> None:
    assert Mount(Path("/a,b"), "/c").argument == 'type=bind,"source=/a,b",target=/c,readonly=true'
    for engine, file in ((PODMAN, '"/a,b/""c"""'), (DOCKER, '/a,b/"c"')):
        assert file in command.build_command(engine, Path("/a,b"), '"c"', "tag")


def test_the_client_gets_nothing_else_of_the_server_s_environment() -> None:
    host = {"PATH": "/bin", "DOCKER_HOST": "unix:///d", "CONTAINERS_CONF": "/c", "FLOWSTEAD_MASTER_KEY": "s", "A": "b"}
    assert client_variables(host) == {"PATH": "/bin", "DOCKER_HOST": "unix:///d", "CONTAINERS_CONF": "/c"}


TOLD_BY_PODMAN = {
    "version": {"Version": "5.2.0"},
    "host": {
        "cpus": 8,
        "cgroupVersion": "v2",
        "cgroupControllers": ["cpu", "memory", "pids", "io"],
        "security": {"rootless": True},
    },
}
TOLD_BY_DOCKER = {"ServerVersion": "27.1.0", "NCPU": 4, "MemoryLimit": True, "SecurityOptions": ["name=seccomp"]}


def found(choice: str, answers: Mapping[str, object]) -> tuple[str, str]:
    def ask(argv: object) -> object:
        answer = answers[argv[0].rpartition("/")[2]]  # type: ignore[index]
        if isinstance(answer, Exception):
            raise answer
        return answer

    looked = look(choice, which=lambda name: f"/usr/bin/{name}" if name in answers else None, ask=ask)
    return (looked.engine.words if looked.engine else "", looked.why)


def test_podman_comes_first_and_docker_stands_in_for_it() -> None:
    both = {"podman": TOLD_BY_PODMAN, "docker": TOLD_BY_DOCKER}
    assert found("auto", both) == ("podman 5.2.0 (/usr/bin/podman, rootless)", "")
    assert found("docker", both) == ("docker 27.1.0 (/usr/bin/docker)", "")
    assert found("auto", {**both, "podman": CallFailed("no")})[0] == "docker 27.1.0 (/usr/bin/docker)"


def test_no_engine_is_told_from_one_that_does_not_work() -> None:
    assert found("auto", {}) == ("", "")
    assert found("none", {"podman": TOLD_BY_PODMAN}) == ("", "")
    assert found("docker", {}) == ("", "docker is not installed")
    assert found("auto", {"docker": {"ServerVersion": "", "ServerErrors": ["no daemon"]}}) == (
        "",
        "/usr/bin/docker does not work: no daemon",
    )
    assert "no answer" in found("podman", {"podman": CallFailed("no answer within 10 s")})[1]


def test_what_an_engine_can_bound() -> None:
    first = {**TOLD_BY_PODMAN, "host": {**TOLD_BY_PODMAN["host"], "cgroupVersion": "v1"}}  # type: ignore[dict-item]
    assert look("podman", which=lambda name: name, ask=lambda _: first).engine.limits == frozenset()  # type: ignore[union-attr]
    second = look("podman", which=lambda name: name, ask=lambda _: TOLD_BY_PODMAN).engine
    assert second is not None
    assert second.limits == {"cpu", "memory", "pids"}
    docker = look("docker", which=lambda name: name, ask=lambda _: TOLD_BY_DOCKER).engine
    assert docker is not None
    assert docker.limits == {"memory"}


def test_a_choice_that_is_none_is_refused() -> None:
    assert [checked_choice(each) for each in Choice] == list(Choice)
    with pytest.raises(BadArgument, match="'lxc'"):
        checked_choice("lxc")
