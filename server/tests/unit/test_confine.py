"""The pure parts of confinement: what is shown, as whom, what the rules and the filter say."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.confine import abilities as abilities_module
from flowstead.confine import calls, landlock
from flowstead.confine.abilities import Abilities, demand_abilities
from flowstead.confine.description import Confinement, Reach, certificate_files, confinement
from flowstead.confine.places import follow, interpreter_places, outermost
from flowstead.confine.users import number_for, own_user
from flowstead.errors import IsolationMissing

WHOLE = Abilities(namespaces=True, landlock=7, own_user=True, call_filter=True)
ORDINARY = Abilities(namespaces=True, landlock=7, call_filter=True)
PRLIMIT, SETPRIORITY, SETAFFINITY, READ = 302, 141, 203, 0
ALLOWED, REFUSED = 0x7FFF0000, 0x00050001


def described(able: Abilities, reach: Reach) -> Confinement:
    found = confinement(able, reach, user=(7, 8))
    assert found is not None
    return found


def test_the_words_say_what_is_in_force() -> None:
    assert WHOLE.words == "namespaces, landlock, own user"
    assert ORDINARY.words == "namespaces, landlock, call filter"
    assert Abilities(landlock=3).words == "landlock"
    assert Abilities().words == "none"


@pytest.mark.parametrize(
    ("able", "whole"),
    [
        (WHOLE, True),
        (ORDINARY, True),
        (Abilities(namespaces=True, landlock=5, call_filter=True), False),
        (Abilities(namespaces=True, landlock=7), False),
        (Abilities(namespaces=True, own_user=True), True),
        (Abilities(landlock=7, call_filter=True), False),
        (Abilities(), False),
    ],
)
def test_what_is_whole(able: Abilities, whole: bool) -> None:
    assert able.whole is whole


def test_what_was_demanded_and_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abilities_module, "of_this_host", lambda: Abilities(landlock=3))
    assert demand_abilities(demanded=False) == Abilities(landlock=3)
    with pytest.raises(IsolationMissing, match="it can enforce is landlock"):
        demand_abilities(demanded=True)


def test_builds_do_without_a_landlock_that_forbids_renames() -> None:
    assert Abilities(landlock=1, namespaces=True).for_builds == Abilities(namespaces=True)
    assert Abilities(landlock=2).for_builds == Abilities(landlock=2)


def test_a_user_of_its_own_is_nobody_else_s() -> None:
    first = own_user("abc", ())
    assert first == number_for("abc") >= 700_000_000
    assert own_user("abc", {first}) == first + 1
    assert own_user("abc", {first, first + 1}) == first + 2


def test_a_host_that_can_enforce_nothing_confines_nothing(tmp_path: Path) -> None:
    assert confinement(Abilities(), Reach(tmp_path), user=(7, 8)) is None


def test_only_root_gives_a_user_and_only_others_need_the_filter(tmp_path: Path) -> None:
    as_root, ordinary = described(WHOLE, Reach(tmp_path)), described(ORDINARY, Reach(tmp_path))
    assert (as_root.user, as_root.call_filter, as_root.owned) == ((7, 8), False, (str(tmp_path),))
    assert (ordinary.user, ordinary.call_filter, ordinary.owned) == (None, True, ())
    assert dict(as_root.files)["/etc/passwd"].splitlines()[1] == f"flow:x:7:8::{tmp_path}:/bin/sh"


def test_links_are_made_again_and_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "real" / "flow").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    found = described(ORDINARY, Reach(tmp_path, readable=[tmp_path / "link/flow", tmp_path / "gone"]))
    assert str(tmp_path / "real/flow") in found.readable
    assert dict(found.links)[str(tmp_path / "link")] == "real"
    assert not any("gone" in each for each in found.readable)


def test_a_home_inside_of_something_readable_is_hidden(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "flow").mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    found = described(ORDINARY, Reach(elsewhere, readable=[tmp_path, home / "flow"], hidden=[home]))
    assert str(home) in found.hidden
    assert {str(tmp_path), str(home / "flow")} <= set(found.readable)
    assert str(home) not in described(ORDINARY, Reach(elsewhere, readable=[home / "flow"], hidden=[home])).hidden


def test_of_nested_paths_the_outer_one_is_enough() -> None:
    assert outermost(["/usr/lib", "/usr", "/a/b", "/usr-x"]) == ("/a/b", "/usr", "/usr-x")
    assert outermost(["/usr", "/usr/home/flow"], ["/usr/home"]) == ("/usr", "/usr/home/flow")


def test_an_interpreter_shows_its_installation_and_no_folder_around_it(tmp_path: Path) -> None:
    installation = tmp_path / "python3.12"
    (installation / "lib/python3.12").mkdir(parents=True)
    (installation / "lib/python3.12/os.py").touch()
    (installation / "bin").mkdir()
    (installation / "bin/python").touch()
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").touch()
    (venv / "bin/python").symlink_to(installation / "bin/python")
    assert interpreter_places(venv / "bin/python") == [installation, venv, venv / "bin/python"]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").touch()
    assert interpreter_places(tmp_path / "bin/python")[0] == tmp_path / "bin/python"


def test_a_path_is_followed_by_every_link(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "c").symlink_to("../b/d")
    real, links = follow(tmp_path / "b" / "c")
    assert real == tmp_path / "a" / "d"
    assert links == {str(tmp_path / "b"): str(tmp_path / "a"), str(tmp_path / "a/c"): "../b/d"}
    (tmp_path / "loop").symlink_to("loop")
    assert follow(tmp_path / "loop")[0].name == "loop"


def test_only_files_of_certificates_that_are_there_are_shown(tmp_path: Path) -> None:
    variables = {"SSL_CERT_FILE": str(tmp_path), "SSL_CERT_DIR": "relative", "CURL_CA_BUNDLE": "/no/such/file"}
    assert certificate_files(variables) == [tmp_path]


@pytest.mark.parametrize(("version", "accesses"), [(1, 13), (2, 14), (3, 15), (4, 15), (5, 16), (7, 16), (9, 16)])
def test_each_landlock_forbids_what_it_knows(version: int, accesses: int) -> None:
    assert landlock.handled_by(version) == (1 << accesses) - 1


def verdict(number: int, *arguments: int, machine: str = "x86_64", architecture: int = 0xC000003E) -> int:
    """What the filter says of a call, carried out as the kernel does."""
    words = {0: number, 4: architecture, **{16 + 8 * place: value for place, value in enumerate(arguments)}}
    instructions, place, loaded = calls.program(machine, own=50), 0, 0
    while True:
        operation, when_true, when_false, operand = instructions[place]
        place += 1
        if operation == 0x20:
            loaded = words[operand]
        elif operation == 0x06:
            return operand
        else:
            holds = loaded == operand if operation == 0x15 else loaded >= operand
            place += when_true if holds else when_false


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ((READ, 3), ALLOWED),
        ((PRLIMIT, 0), ALLOWED),
        ((PRLIMIT, 50), ALLOWED),
        ((PRLIMIT, 1), REFUSED),
        ((SETAFFINITY, 0), ALLOWED),
        ((SETAFFINITY, 1), REFUSED),
        ((SETPRIORITY, 0, 0), ALLOWED),
        ((SETPRIORITY, 0, 50), ALLOWED),
        ((SETPRIORITY, 0, 1), REFUSED),
        ((SETPRIORITY, 2, 0), REFUSED),
        ((0x40000000 + READ, 0), REFUSED),
    ],
)
def test_the_filter_lets_a_process_change_itself_only(call: tuple[int, ...], said: int) -> None:
    assert verdict(*call) == said


def test_the_filter_lets_no_other_kind_of_call_by() -> None:
    assert verdict(READ, architecture=0x40000003) == REFUSED
    assert verdict(122, 1, machine="aarch64", architecture=0xC00000B7) == REFUSED
    assert verdict(261, 1, machine="aarch64", architecture=0xC00000B7) == REFUSED
    assert not calls.is_known("riscv64")
