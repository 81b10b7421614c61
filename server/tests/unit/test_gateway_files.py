from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flowstead.gateway.bootstrap import (
    Files,
    bootstrap,
    command,
    everything_inline,
    start_of,
)
from flowstead.gateway.description import Door, GatewayEndpoint
from flowstead.gateway.epochs import Epoch, Handover, epoch_arguments
from flowstead.gateway.files import read, response_text, texts, version_of, with_former, write
from flowstead.gateway.rejection import words
from flowstead.gateway.routes import configuration
from flowstead.gateway.turns import Turn

DOOR = Door("127.0.0.1", 8080, "/run/fs/api.sock", "/home/fs/logs/access.log")


def _clusters(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


def test_the_version_is_the_content() -> None:
    one = texts(configuration((GatewayEndpoint("ask", ("K1",)),), DOOR))
    same = texts(configuration((GatewayEndpoint("ask", ("K1",)),), DOOR))
    other = texts(configuration((GatewayEndpoint("ask", ("K2",)),), DOOR))
    assert one == same
    assert version_of(one["routes"]) != version_of(other["routes"])
    assert version_of(one["clusters"]) == version_of(other["clusters"])


def test_former_clusters_stay_until_the_routes_have_changed() -> None:
    former = response_text(_clusters("api", "ask/blue", "ask/old"))
    both = json.loads(with_former(former, _clusters("api", "ask/blue", "ask/new")))
    assert [each["name"] for each in both["resources"]] == ["api", "ask/blue", "ask/new", "ask/old"]


def test_without_removals_both_is_just_what_is_wanted() -> None:
    wanted = _clusters("api", "ask/blue")
    for former in (response_text(_clusters("api")), "", "torn {"):
        assert with_former(former, wanted) == response_text(wanted)


def test_a_file_that_is_none_of_ours_has_no_version() -> None:
    assert [version_of(text) for text in ("", "{", "[]", "{}", "null")] == [""] * 5


def test_files_are_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "rds.json"
    assert read(path) == ""
    write(path, "one")
    first = path.stat().st_ino
    write(path, "two")
    assert read(path) == "two"
    assert path.stat().st_ino != first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["rds.json"]


FILES, TURN = Files(Path("/run/gateway")), Turn(Path("/run/gateway/other"))


def test_the_command_line_keeps_keys_out_of_the_log() -> None:
    line = command(Path("/bin/envoy"), TURN, 64)
    assert line[line.index("--component-log-level") + 1].startswith("config:off")
    assert line[line.index("--concurrency") + 1] == "4"
    assert "--reject-unknown-dynamic-fields" in line


def test_an_epoch_keeps_homes_apart_and_without_one_they_cannot_meet() -> None:
    assert epoch_arguments(None, FILES.takeover_socket, Handover()) == ("--disable-hot-restart",)
    line = epoch_arguments(Epoch(17, 3), FILES.takeover_socket, Handover(longest_s=90))
    told = {name: line[line.index(f"--{name}") + 1] for name in ("base-id", "restart-epoch", "socket-path")}
    assert told == {"base-id": "17", "restart-epoch": "3", "socket-path": "/run/gateway/hot"}
    assert line[line.index("--parent-shutdown-time-s") + 1] == "90"
    assert line[line.index("--socket-mode") + 1] == "600"


def test_the_admin_interface_is_a_private_socket() -> None:
    admin = bootstrap(FILES, TURN)["admin"]
    assert admin == {"address": {"pipe": {"path": "/run/gateway/other/admin.sock", "mode": 0o600}}}


def test_another_envoy_or_another_number_of_cores_is_another_start() -> None:
    starts = {
        start_of(Path(binary), FILES, cores, version)
        for binary, cores, version in (("a", 1, "1"), ("b", 1, "1"), ("a", 2, "1"), ("a", 1, "2"), ("a", 1, "1"))
    }
    assert len(starts) == 4


def test_inline_holds_the_same_routes() -> None:
    wanted = configuration((GatewayEndpoint("ask", ("K1",)),), DOOR)
    [listener] = everything_inline(wanted)["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    assert "rds" not in manager
    assert manager["route_config"]["virtual_hosts"] == wanted.routes[0]["virtual_hosts"]
    assert "rds" in wanted.listeners[0]["filter_chains"][0]["filters"][0]["typed_config"]


def test_the_reason_is_found_between_the_configuration_s_pages() -> None:
    start = "[2026-11-23 17:10:25.332][1][critical][main] [a.cc:76] error initializing configuration '/tmp/x.json': "
    shown = 'credentials {\n  key: "K1"\n}\n'
    chain = "A.B: embedded message failed validation | caused by C.D: too long"
    invalid = f"{start}{shown}: Proto constraint validation failed ({chain})\n"
    assert words(invalid, ["K1"]) == "Proto constraint validation failed (A.B → C.D: too long)"
    unreadable = f'{start}Unable to parse JSON as proto (INVALID @ x.timeout: no duration): {{"key": "K1"}}'
    assert words(unreadable, ["K1"]) == "Unable to parse JSON as proto (INVALID @ x.timeout: no duration"
    plain = f"{start}Duplicated credential key: 'K1'\n"
    assert words(plain, ["K1"]) == "Duplicated credential key: '***'"
