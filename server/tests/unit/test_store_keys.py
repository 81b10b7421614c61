"""Where the master key comes from."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import pytest

from flowstead.errors import HostProblem, ResourceConflict
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables
from flowstead.store import keys
from flowstead.store.keys import KeyFile, key_source

OLD, NEW = b"o" * 32, b"n" * 32
OLD_TEXT, NEW_TEXT = (base64.b64encode(key).decode() for key in (OLD, NEW))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.create()
    return home


def test_the_file_is_private_and_made_once(home: Home) -> None:
    source = key_source(home, GivenVariables())
    assert source.wanted() is None, "nothing is made before it is known that none is there"
    key = source.following(None)
    assert len(key) == 32
    assert source.wanted() == key
    assert (home.keys / "master.key").stat().st_mode & 0o777 == 0o600


def test_while_the_key_is_replaced_the_file_holds_both(home: Home) -> None:
    file = KeyFile(home)
    first = file.following(None)
    second = file.following(first)
    assert (file.wanted(), file.older()) == (first, (second,))
    third = file.following(first)
    assert (file.wanted(), file.older()) == (first, (third,)), "what came of a try before it is gone"
    file.settle(third)
    assert (file.wanted(), file.older()) == (third, ())


@pytest.mark.parametrize("content", [b"", b"short", b"k" * 33])
def test_a_file_that_holds_no_key_is_told(home: Home, content: bytes) -> None:
    (home.keys / "master.key").write_bytes(content)
    with pytest.raises(HostProblem, match=rf"master\.key holds {len(content)} bytes"):
        key_source(home, GivenVariables()).wanted()


def test_the_variables_are_taken_out_of_the_environment() -> None:
    environment = {
        "FLOWSTEAD_MASTER_KEY": f" {OLD_TEXT}\n",
        "FLOWSTEAD_MASTER_KEY_COMMAND": "c",
        "FLOWSTEAD_MASTER_KEY_PREVIOUS": "p",
        "PATH": "/bin",
    }
    given = GivenVariables.take(environment)
    assert environment == {"PATH": "/bin"}
    assert given == GivenVariables(OLD_TEXT, "c", "p")
    assert GivenVariables.from_json(given.as_json()) == given
    assert OLD_TEXT not in repr(given)


def test_a_variable_gives_the_key(home: Home) -> None:
    source = key_source(home, GivenVariables(key=NEW_TEXT, previous=OLD_TEXT))
    assert (source.wanted(), source.older(), source.following(OLD)) == (NEW, (OLD,), NEW)
    assert not (home.keys / "master.key").exists()
    with pytest.raises(ResourceConflict, match="is the one in use") as refused:
        source.following(NEW)
    assert "FLOWSTEAD_MASTER_KEY_PREVIOUS" in str(refused.value)
    assert OLD_TEXT not in repr(source)
    assert repr(OLD) not in repr(source)


@pytest.mark.parametrize("text", ["not base64!", base64.b64encode(b"k" * 31).decode(), "k" * 32, "ключ"])
@pytest.mark.parametrize("name", ["key", "previous"])
def test_a_malformed_variable_is_told_without_its_value(home: Home, name: str, text: str) -> None:
    with pytest.raises(HostProblem, match="The variable FLOWSTEAD_MASTER_KEY") as failed:
        key_source(home, GivenVariables(**{name: text}))
    assert text not in str(failed.value)
    assert "32 bytes" in str(failed.value)


def test_two_sources_at_once_are_refused(home: Home) -> None:
    with pytest.raises(HostProblem, match="both set"):
        key_source(home, GivenVariables(key=NEW_TEXT, command="true"))


def test_only_a_rotation_may_take_the_key_of_the_file_for_an_older_one(home: Home) -> None:
    first = KeyFile(home).following(None)
    given = GivenVariables(key=NEW_TEXT)
    assert key_source(home, given).older() == ()
    moving = key_source(home, given, moving=True)
    assert moving.older() == (first,)
    moving.settle(NEW)
    assert not (home.keys / "master.key").exists(), "it opens nothing any more"


def test_a_command_prints_the_key(home: Home, tmp_path: Path) -> None:
    printed = tmp_path / "a key"
    printed.write_text(f"{OLD_TEXT}\n")
    source = key_source(home, GivenVariables(command=f"cat '{printed}'"))
    assert source.wanted() == OLD
    with pytest.raises(ResourceConflict, match="is the one in use"):
        source.following(OLD)
    printed.write_text(f"{NEW_TEXT}\n")
    assert source.following(OLD) == NEW


def test_a_command_that_fails_is_told_with_its_complaint_and_without_what_it_printed(home: Home) -> None:
    code = f"import sys; print('{OLD_TEXT}'); sys.exit('the vault is sealed')"
    with pytest.raises(HostProblem, match="ended with status 1") as failed:
        key_source(home, GivenVariables(command=f'{sys.executable} -c "{code}" --token=way-in')).wanted()
    assert "the vault is sealed" in str(failed.value)
    assert OLD_TEXT not in str(failed.value)
    assert "way-in" not in str(failed.value)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("no-such-command-here --x", "no-such-command-here for the master key cannot be run"),
        ("echo 'open", "is no command line"),
        ("''", "cannot be run"),
        ("echo hello there", "is not base64"),
        ("echo aGVsbG8=", "holds 5 bytes"),
        ("true", "holds 0 bytes"),
    ],
)
def test_a_command_that_prints_no_key_is_told(home: Home, command: str, told: str) -> None:
    with pytest.raises(HostProblem, match=told):
        key_source(home, GivenVariables(command=command)).wanted()


def test_a_command_that_does_not_end_is_given_up(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_COMMAND_WITHIN_S", 0.05)
    with pytest.raises(HostProblem, match="has not ended"):
        key_source(home, GivenVariables(command="sleep 30")).wanted()


def test_a_command_gets_no_key(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWSTEAD_MASTER_KEY_PREVIOUS", NEW_TEXT)
    monkeypatch.setenv("WAY_IN", OLD_TEXT)
    command = 'sh -c "echo $WAY_IN; test -z $FLOWSTEAD_MASTER_KEY_PREVIOUS"'
    monkeypatch.setenv("FLOWSTEAD_MASTER_KEY_COMMAND", command)
    assert key_source(home, GivenVariables.take(os.environ)).wanted() == OLD
