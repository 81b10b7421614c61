"""Images and containers go when nothing uses them; a script in place of an engine writes down what it is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flowstead.containers.command import name_of_home
from flowstead.containers.host import ContainerEngine
from flowstead.engines.local.leftovers import remove_leftovers
from flowstead.environments.engine_build import Images
from flowstead.environments.protocol import BuildFailed, Building, Built, EnvironmentRequest, EnvironmentState
from flowstead.environments.uv_environments import UvEnvironments
from flowstead.resources.home import Home

REQUEST = EnvironmentRequest(image="registry.example/server:1", as_it_is=True)
SCRIPT = """\
#!/bin/sh
echo "$@" >> {asked}
case "$1" in
  ps) cat {containers} ;;
  image) test -e {there} ;;
  pull) touch {there} ;;
esac
"""


class Engine:
    """asked: the command lines, without the program."""

    def __init__(self, folder: Path) -> None:
        self._asked, self.containers, self.there = (folder / each for each in ("asked", "containers", "there"))
        program = folder / "podman"
        program.write_text(SCRIPT.format(asked=self._asked, containers=self.containers, there=self.there))
        program.chmod(0o755)
        self.engine = ContainerEngine("podman", program, "1")

    @property
    def asked(self) -> list[str]:
        return self._asked.read_text().splitlines()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


@pytest.fixture
def fake(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


@pytest.fixture
def environments(home: Home, fake: Engine) -> Iterator[UvEnvironments]:
    made = UvEnvironments(home, images=Images(fake.engine, name_of_home(home.root), home.models))
    yield made
    made.close()


def settled(environments: UvEnvironments, *, retry_failed: bool = False) -> EnvironmentState:
    state = environments.ensure(REQUEST, retry_failed=retry_failed)
    give_up_at = time.monotonic() + 20
    while isinstance(state, Building):
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
        state = environments.ensure(REQUEST)
    return state


def test_an_image_is_pulled_once_tagged_and_goes_when_nothing_uses_it(
    home: Home, fake: Engine, environments: UvEnvironments
) -> None:
    built = settled(environments)
    assert isinstance(built, Built)
    key = environments.key(REQUEST)
    tag = f"localhost/flowstead/environment:{key}"
    assert built.image == tag
    assert [f"pull --quiet {REQUEST.image}", f"tag {REQUEST.image} {tag}"] == fake.asked[-2:]
    before = len(fake.asked)
    assert settled(environments, retry_failed=True) == built
    assert not [each for each in fake.asked[before:] if each.startswith(("pull", "tag"))]

    later = datetime.now(UTC) + timedelta(hours=1)
    next_server = UvEnvironments(home, images=Images(fake.engine, name_of_home(home.root), home.models))
    assert next_server.remove_unused(older_than=later, besides=[built.python]) == []
    [removed] = next_server.remove_unused(older_than=later, besides=[])
    next_server.close()
    assert removed.key == key
    assert f"rmi {tag}" in fake.asked


def test_an_image_that_has_gone_is_made_again_when_somebody_deploys(fake: Engine, environments: UvEnvironments) -> None:
    assert isinstance(settled(environments), Built)
    fake.there.unlink()
    assert isinstance(settled(environments), Built)
    assert not fake.there.exists()
    assert isinstance(settled(environments, retry_failed=True), Built)
    assert fake.there.exists()


def test_without_an_engine_an_image_says_what_it_takes(home: Home) -> None:
    environments = UvEnvironments(home)
    state = settled(environments)
    environments.close()
    assert isinstance(state, BuildFailed)
    assert "Install podman" in state.next_step


def test_containers_that_nobody_keeps_are_removed_at_the_start(home: Home, fake: Engine) -> None:
    name = name_of_home(home.root)
    (home.instances_run / "kept").mkdir(parents=True)
    fake.containers.write_text(f"flowstead-{name}-kept\nflowstead-{name}-lost\nflowstead-{name}-build-0123\n")
    remove_leftovers(fake.engine, home)
    removed = [each.split()[-1] for each in fake.asked if each.startswith("rm ")]
    assert removed == [f"flowstead-{name}-lost", f"flowstead-{name}-build-0123"]
