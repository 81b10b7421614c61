from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flowstead.access import Access
from flowstead.access.principals import hash_secret
from flowstead.errors import BadArgument, TooManyAttempts, Unauthorized
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings
from flowstead.store import Store
from flowstead.testing.frozen_clock import FrozenClock

SETTINGS = ServerSettings()
SCOPE = SETTINGS.public_url + "/.default"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.create()
    return home


@pytest.fixture
def store(home: Home, clock: FrozenClock) -> Iterator[Store]:
    opened = Store.open(home, clock=clock, master_key=b"k" * 32)
    yield opened
    opened.close()


def start(home: Home, store: Store, clock: FrozenClock, settings: ServerSettings = SETTINGS) -> Access:
    return Access.open(home, principals=store.principals, settings=settings, clock=clock)


def credentials(home: Home) -> dict[str, str]:
    return dict(json.loads(home.credentials.read_text()))


def sign_in(access: Access, known: dict[str, str], **changes: str) -> str:
    given = {**known, "scope": SCOPE, **changes}
    return access.sign_in(given["tenant_id"], given["client_id"], given["client_secret"], given["scope"]).text


def test_the_first_start_makes_an_owner_who_can_sign_in(home: Home, store: Store, clock: FrozenClock) -> None:
    access = start(home, store, clock)
    known = credentials(home)
    assert home.credentials.stat().st_mode & 0o777 == 0o600
    assert known["url"] == SETTINGS.public_url
    assert (known["subscription_id"], known["resource_group"], known["workspace"]) == (
        "00000000-0000-0000-0000-000000000000", "flowstead", "default",
    )  # fmt: skip
    owner = access.recognise("Bearer " + sign_in(access, known))
    assert (owner.is_owner, owner.client_id) == (True, known["client_id"])
    assert owner == access.recognise(
        "bearer  " + sign_in(access, known, tenant_id="common", client_id=known["client_id"])
    )
    stored = b"".join(file.read_bytes() for file in home.root.glob("flowstead.db*"))
    assert known["client_secret"].encode() not in stored


def test_the_next_start_changes_nothing(home: Home, store: Store, clock: FrozenClock) -> None:
    first = sign_in(start(home, store, clock), credentials(home))
    before = home.credentials.read_bytes()
    second = start(home, store, clock)
    assert home.credentials.read_bytes() == before
    assert second.recognise("Bearer " + first).is_owner


def test_another_url_is_another_audience(home: Home, store: Store, clock: FrozenClock) -> None:
    token = sign_in(start(home, store, clock), credentials(home))
    secret = credentials(home)["client_secret"]
    moved = start(home, store, clock, replace(SETTINGS, public_url="http://127.0.0.1:9090"))
    assert credentials(home)["url"] == "http://127.0.0.1:9090"
    assert credentials(home)["client_secret"] == secret
    with pytest.raises(Unauthorized):
        moved.recognise("Bearer " + token)


@pytest.mark.parametrize("damage", ["gone", "empty", "foreign", "[]"])
def test_lost_credentials_are_made_anew_and_the_old_secret_ends(
    home: Home, store: Store, clock: FrozenClock, damage: str
) -> None:
    start(home, store, clock)
    old = credentials(home)
    if damage == "gone":
        home.credentials.unlink()
    else:
        home.credentials.write_text({"empty": "", "foreign": '{"client_id": "x"}'}.get(damage, damage))
    access = start(home, store, clock)
    assert credentials(home)["client_id"] == old["client_id"]
    with pytest.raises(Unauthorized):
        sign_in(access, old)
    assert access.recognise("Bearer " + sign_in(access, credentials(home))).is_owner


def test_wrong_credentials_are_refused_alike(home: Home, store: Store, clock: FrozenClock) -> None:
    access = start(home, store, clock)
    known = credentials(home)
    said = set()
    for change in ({"client_secret": "wrong"}, {"client_secret": ""}, {"client_id": "x"}, {"tenant_id": "other"}):
        with pytest.raises(Unauthorized) as refused:
            sign_in(access, known, **change)
        said.add(str(refused.value))
    assert len(said) == 1
    with pytest.raises(BadArgument, match="elsewhere"):
        sign_in(access, known, scope="https://elsewhere/.default")


def test_guessing_is_slowed_down_for_the_guessed_client_only(home: Home, store: Store, clock: FrozenClock) -> None:
    access = start(home, store, clock)
    known = credentials(home)
    owner = store.principals.owner()
    assert owner is not None
    other = replace(owner, object_id="o", client_id="c", is_owner=False, secret_hash=hash_secret("s"))
    store.principals.put(other)
    for _ in range(30):
        with pytest.raises(Unauthorized):
            sign_in(access, known, client_secret="guess")
    with pytest.raises(TooManyAttempts):
        sign_in(access, known)
    sign_in(access, {**known, "client_id": "c", "client_secret": "s"})
    clock.advance(61)
    sign_in(access, known)


def test_a_token_of_somebody_who_is_gone_opens_nothing(home: Home, store: Store, clock: FrozenClock) -> None:
    access = start(home, store, clock)
    token = sign_in(access, credentials(home))
    owner = store.principals.owner()
    assert owner is not None
    store.principals.put(replace(owner, client_id="another"))
    with pytest.raises(Unauthorized, match="gone"):
        access.recognise("Bearer " + token)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "token"])
def test_no_token_is_refused(home: Home, store: Store, clock: FrozenClock, header: str | None) -> None:
    with pytest.raises(Unauthorized):
        start(home, store, clock).recognise(header)


def test_an_endpoints_token_does_not_open_the_api(home: Home, store: Store, clock: FrozenClock) -> None:
    access = start(home, store, clock)
    owner = store.principals.owner()
    assert owner is not None
    with pytest.raises(Unauthorized):
        access.recognise("Bearer " + access.endpoint_token(owner, "uid").text)
