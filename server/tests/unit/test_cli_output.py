"""Results in every format, errors as one block, stages as lines."""

from __future__ import annotations

import io
from typing import Any

import pytest

from flowstead.cli.exit_codes import exit_code_of
from flowstead.cli.failure import describe_failure
from flowstead.cli.output import Format, render, select, table
from flowstead.cli.progress import LiveStages, PlainStages, seconds, stages
from flowstead.errors import BadArgument, DiskFull, ImageBuildFailure, ResourceNotFound, ServerNotRunning
from flowstead.resources.names import Workspace

ENDPOINTS = [
    {"name": "first", "provisioning_state": "Succeeded", "traffic": {"blue": 100}, "count": 2, "on": True},
    {"name": "ä", "provisioning_state": "Failed", "traffic": {}, "count": None, "on": False},
]


def test_json_and_yaml_keep_order_and_letters() -> None:
    assert render({"b": "ä", "a": 1}, Format.JSON) == '{\n  "b": "ä",\n  "a": 1\n}'
    assert render({"b": "ä", "a": [1]}, Format.YAML) == "b: ä\na:\n- 1"
    assert render("word", Format.YAML) == "word"


def test_a_table_has_a_column_for_each_scalar_key() -> None:
    assert render(ENDPOINTS, Format.TABLE).splitlines() == [
        "Name   Provisioning state  Count  On",
        "-----  ------------------  -----  -----",
        "first  Succeeded           2      true",
        "ä      Failed                     false",
    ]
    assert render([], Format.TABLE) == ""
    assert render(["a", "b"], Format.TABLE) == "a\nb"
    assert render({"name": "one"}, Format.TABLE).splitlines()[-1] == "one"


def test_tab_separated_values_are_bare() -> None:
    assert render("a-key", Format.TSV) == "a-key"
    assert render([["a", 1], ["b\tc", None]], Format.TSV) == "a\t1\nb c\t"
    assert render([{"name": "x", "traffic": {"blue": 1}}], Format.TSV) == 'x\t{"blue": 1}'


def test_a_query_selects_and_a_wrong_one_is_refused() -> None:
    assert select(ENDPOINTS, "[?provisioning_state=='Failed'].name") == ["ä"]
    assert select(ENDPOINTS, None) is ENDPOINTS
    with pytest.raises(BadArgument, match="is not a JMESPath expression"):
        select(ENDPOINTS, "[?")


def test_an_error_is_one_block_with_the_next_step_at_its_end() -> None:
    failure = ImageBuildFailure("No solution.", details="uv said\n\nthis", hint="Mend requirements.txt.")
    assert describe_failure(failure).splitlines() == [
        "error: ImageBuildFailure: No solution.",
        "  uv said",
        "",
        "  this",
        "next: Mend requirements.txt.",
    ]


def test_on_this_machine_s_own_terminal_the_full_disk_is_named() -> None:
    full = DiskFull("The server's disk is full.", where="It is the disk of /mnt.", hint="Free space.")
    assert describe_failure(full).splitlines()[1:] == ["  It is the disk of /mnt.", "next: Free space."]
    assert "/mnt" not in full.as_body()["message"]


def test_what_is_not_there_has_an_exit_code_of_its_own() -> None:
    assert exit_code_of(ServerNotRunning()) == 3
    assert exit_code_of(ResourceNotFound()) == 3
    assert exit_code_of(BadArgument()) == 1


class Ticks:
    """A clock that is told the time."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_piped_stages_are_plain_lines_each_phase_once() -> None:
    stream, clock = io.StringIO(), Ticks()
    with PlainStages(stream, clock).stage("Creating a deployment") as stage:
        for phase in ("building", "building", "", "starting"):
            stage.phase(phase)
        stage.note("demo/blue")
        clock.now += 2.34
    assert stream.getvalue().splitlines() == [
        "Creating a deployment …",
        "  building",
        "  starting",
        "Creating a deployment: done in 2.3 s (demo/blue)",
    ]


def test_a_stage_left_by_an_error_has_failed() -> None:
    stream, clock = io.StringIO(), Ticks()
    with pytest.raises(BadArgument), PlainStages(stream, clock).stage("Registering a model"):
        raise BadArgument
    assert stream.getvalue().splitlines()[-1] == "Registering a model: failed after 0.0 s"


def test_a_stage_left_by_ctrl_c_was_interrupted() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), PlainStages(stream, Ticks()).stage("Creating a deployment"):
        raise KeyboardInterrupt
    assert stream.getvalue().splitlines()[-1] == "Creating a deployment: interrupted after 0.0 s"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_spinner_gives_way_to_a_tick_or_a_cross(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream, clock = Terminal(), Ticks()
    shown = stages(stream, clock=clock)
    assert isinstance(shown, LiveStages)
    with shown.stage("Creating an endpoint") as stage:
        stage.phase("telling the gateway")
        stage.note("demo, home /tmp/[x]")
        clock.now += 1
    with pytest.raises(BadArgument), shown.stage("Registering a model"):
        raise BadArgument
    text = stream.getvalue()
    for part in ("✓", "Creating an endpoint", "1.0 s", "demo, home /tmp/[x]", "✗", "failed after 0.0 s"):
        assert part in text
    assert isinstance(stages(io.StringIO()), PlainStages)


def test_times_are_readable() -> None:
    assert [seconds(count) for count in (0.04, 9.96, 59.9, 60, 135)] == [
        "0.0 s",
        "10.0 s",
        "59.9 s",
        "1 min 0 s",
        "2 min 15 s",
    ]


@pytest.mark.parametrize(
    ("id", "shown"),
    [
        (Workspace().model("m", "1"), "m:1"),
        (Workspace().environment("e", "2").upper(), "E:2"),
        (Workspace().deployment("chat", "blue"), "chat/blue"),
        (Workspace().endpoint("chat"), "chat"),
        ("/subscriptions/other/models/m", "/subscriptions/other/models/m"),
        ("azureml:m:1", "azureml:m:1"),
    ],
)
def test_a_table_shows_names_for_ids_of_the_workspace(id: str, shown: str) -> None:
    rows: list[dict[str, Any]] = [{"name": "a", "model": id}]
    assert table(rows).splitlines()[-1] == f"a     {shown}"
