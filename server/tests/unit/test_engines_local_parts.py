"""The pure parts of the local engine: command line, environment, the end of a log; and the runtime's exit codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowstead.engines import protocol
from flowstead.engines.local.process import process_spec
from flowstead.engines.local.tail import last_lines
from flowstead.engines.protocol import InstanceSpec
from flowstead.resources.deployment import RequestSettings
from flowstead.supervise import ProcessSpec
from flowstead_runtime.serving import exit_codes

SPEC = InstanceSpec(
    id="abc",
    endpoint="chat",
    deployment="blue",
    deployment_uid="uid",
    revision="r1",
    flow=Path("/models/1/flow"),
    python=Path("/environments/1/bin/python"),
    environment={"API_KEY": "secret"},
    request_settings=RequestSettings(90.0, 10, 0.5, 20),
    log=Path("/logs/abc.log"),
)


def process_of(spec: InstanceSpec = SPEC, host: dict[str, str] | None = None) -> ProcessSpec:
    return process_spec(spec, run=Path("/run/abc"), scratch=Path("/scratch/abc"), log=spec.log, host=host or {})


def test_exit_codes_are_the_runtime_s() -> None:
    assert protocol.EXIT_FLOW_CANNOT_START == exit_codes.FLOW_CANNOT_START
    assert protocol.EXIT_PACKAGE_MISSING == exit_codes.PACKAGE_MISSING
    assert protocol.EXIT_WARM_CALL_UNANSWERED == exit_codes.WARM_CALL_UNANSWERED
    assert protocol.EXIT_IDLE == exit_codes.IDLE


def test_as_many_wait_as_run_at_once_unless_it_is_said() -> None:
    """Azure's rule: twice as many are let in as run at once."""
    argv = process_of(replace(SPEC, request_settings=RequestSettings(max_concurrent_requests_per_instance=3))).argv
    assert argv[argv.index("--queue") + 1] == "3"


def test_the_command_line() -> None:
    assert " ".join(process_of().argv) == (
        "/environments/1/bin/python -P -m flowstead_runtime host --flow /models/1/flow --fd 3 --health-fd 4"
        " --concurrency 10 --queue 20 --queue-wait 0.5 --timeout 90 --grace 390 --body-limit 1073741824"
        " --content-limit 16777216"
    )


def test_the_supervisor_s_part() -> None:
    spec = process_of()
    assert spec.sockets == ("/run/abc/score.sock", "/run/abc/health.sock")
    assert spec.working_directory == "/models/1/flow"
    assert spec.log == "/logs/abc.log"
    assert spec.stop_grace_s > 390.0, "more than the runtime takes by itself"
    assert set(spec.fatal_exit_codes) == {78, 79, 80}
    assert spec.give_up_after


def test_the_environment_is_the_deployment_s_and_little_else() -> None:
    host = {
        "SSL_CERT_FILE": "/ca.pem",
        "HTTPS_PROXY": "http://user:pw@127.0.0.1",
        "FLOWSTEAD_HOME": "/home",
        "PATH": "/x",
    }
    assert process_of(host=host).environment == {
        "PATH": "/environments/1/bin:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/scratch/abc",
        "TMPDIR": "/scratch/abc",
        "PYTHONUNBUFFERED": "1",
        "AZUREML_MODEL_DIR": "/models/1/flow",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SSL_CERT_FILE": "/ca.pem",
        "API_KEY": "secret",
    }


def test_the_deployment_has_the_last_word() -> None:
    spec = replace(SPEC, environment={"LANG": "de_DE.UTF-8", "SSL_CERT_FILE": "/own.pem"})
    environment = process_of(spec, {"SSL_CERT_FILE": "/ca.pem"}).environment
    assert (environment["LANG"], environment["SSL_CERT_FILE"]) == ("de_DE.UTF-8", "/own.pem")


@pytest.mark.parametrize(
    ("content", "count", "expected"),
    [
        (b"", 3, ()),
        (b"one\ntwo\nthree\n", 2, ("two", "three")),
        (b"one\ntwo", 5, ("one", "two")),
        (b"one\n", 0, ()),
        (b"bad \xff byte\n", 1, ("bad � byte",)),
    ],
)
def test_the_last_lines(tmp_path: Path, content: bytes, count: int, expected: tuple[str, ...]) -> None:
    (tmp_path / "log").write_bytes(content)
    assert last_lines(tmp_path / "log", count) == expected


def test_the_last_lines_of_a_large_log_are_read_from_its_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 1_000_000 + b"\nlast\n")
    assert last_lines(tmp_path / "log", 1) == ("last",)
    assert last_lines(tmp_path / "none", 1) == ()
