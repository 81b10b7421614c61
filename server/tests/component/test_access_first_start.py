from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from flowstead.access import Access
from flowstead.access.principals import hash_secret
from flowstead.errors import BadArgument, TooManyAttempts, Unauthorized
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings
from flowstead.store import Store
from flowstead.testing.fixed_key import fixed_key
from flowstead.testing.frozen_clock import FrozenClock

SETTINGS = ServerSettings()
SCOPE = SETTINGS.base_url("http") + "/.default"


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
    opened = Store.open(home, clock=clock, master_key=fixed_key())
    yield opened
    opened.close()


def start(home: Home, store: Store, clock: FrozenClock, settings: ServerSettings = SETTINGS) -> Access:
    return Access.open(home, principals=store.principals, settings=settings, clock=clock)


def credentials(home: Home) -> dict[str, str]:
    return dict(json.loads(home.credentials.read_text()))


def sign_in(access: Access, known: dict[str, str], **changes: str) -> str:
    given = {**known, "scope": SCOPE, **changes}
    return access.sign_in(given["tenant_id"], given["client_id"], given["client_secret"], given["scope"]).token.text


def test_the_first_start_makes_an_owner_who_can_sign_in(home: Home, store: Store, clock: FrozenClock) -> None:
    access = start(home, store, clock)
    known = credentials(home)
    assert home.credentials.stat().st_mode & 0o777 == 0o600
    assert known["url"] == SETTINGS.base_url("http")
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


def test_every_own_address_means_the_one_audience_of_the_api(home: Home, store: Store, clock: FrozenClock) -> None:
    settings = replace(SETTINGS, public_url="https://flows.example.test")
    access = start(home, store, clock, settings)
    known = credentials(home)
    own = ("http://127.0.0.1:8080", "http://localhost:8080/", "https://127.0.0.1:8443", "https://[::1]:8443/")
    for url in (*own, "https://flows.example.test", "https://flows.example.test:8443"):
        token = sign_in(access, known, scope=f"{url}/.default openid offline_access")
        assert access.recognise(f"Bearer {token}").is_owner, url
        assert claims_of(token)["aud"] == "https://flows.example.test"
    assert claims_of(sign_in(access, known, scope=""))["aud"] == "https://flows.example.test"
    others = ("https://127.0.0.1:8080", "http://localhost:8443", "https://127.0.0.1", "ftp://127.0.0.1:8080")
    for url in (
        *others,
        "https://management.azure.com",
        "https://127.0.0.1:8443/x",
        "https://[::1:8443",
        "endpoint:uid",
    ):
        with pytest.raises(BadArgument):
            sign_in(access, known, scope=f"{url}/.default")
    with pytest.raises(BadArgument):
        sign_in(access, known, scope=f"{own[0]}/.default https://ml.azure.com/.default")


def test_a_token_for_endpoints_does_not_open_the_api(home: Home, store: Store, clock: FrozenClock) -> None:
    access = start(home, store, clock)
    token = sign_in(access, credentials(home), scope="https://ml.azure.com/.default")
    assert claims_of(token)["aud"] == "https://ml.azure.com"
    with pytest.raises(Unauthorized):
        access.recognise("Bearer " + token)


def test_a_refresh_token_gives_new_tokens_until_it_ends(home: Home, store: Store, clock: FrozenClock) -> None:
    access = start(home, store, clock)
    known = credentials(home)
    tenant, client = known["tenant_id"], known["client_id"]
    assert access.sign_in(tenant, client, known["client_secret"], SCOPE).refresh is None
    refresh = access.sign_in(tenant, client, known["client_secret"], f"{SCOPE} offline_access").refresh
    assert refresh is not None
    with pytest.raises(Unauthorized):
        access.recognise("Bearer " + refresh.text)
    clock.advance(6 * 86400)
    token = access.refresh(tenant, client, refresh.text, SCOPE).token.text
    assert access.recognise("Bearer " + token).is_owner
    access.refresh("common", "", refresh.text, "", client_secret=known["client_secret"])
    for given in ((tenant, "other", refresh.text, SCOPE), ("other", client, refresh.text, SCOPE)):
        with pytest.raises(Unauthorized):
            access.refresh(*given)
    with pytest.raises(Unauthorized):
        access.refresh(tenant, client, token, SCOPE)
    with pytest.raises(Unauthorized):
        access.refresh(tenant, client, refresh.text, SCOPE, client_secret="wrong")
    with pytest.raises(BadArgument):
        access.refresh(tenant, client, refresh.text, "https://elsewhere/.default")
    clock.advance(86400 + 30)
    with pytest.raises(Unauthorized, match="expired"):
        access.refresh(tenant, client, refresh.text, SCOPE)


def test_a_new_secret_ends_refresh_tokens(home: Home, store: Store, clock: FrozenClock) -> None:
    access = start(home, store, clock)
    known = credentials(home)
    given = (known["tenant_id"], known["client_id"])
    refresh = access.sign_in(*given, known["client_secret"], f"{SCOPE} offline_access").refresh
    home.credentials.unlink()
    again = start(home, store, clock)
    assert refresh is not None
    with pytest.raises(Unauthorized, match="not valid any more"):
        again.refresh(*given, refresh.text, SCOPE)


def claims_of(token: str) -> dict[str, str]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


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
