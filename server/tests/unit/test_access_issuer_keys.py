"""Keys of the issuer: which sign, which verify, and for how long."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from flowstead.access.issuer_keys import IssuerKeys, read_keys
from flowstead.access.tokens import ROTATED_AFTER, Issuer
from flowstead.errors import HostProblem, ResourceConflict, Unauthorized
from flowstead.resources.clock import SystemClock
from flowstead.resources.home import Home
from flowstead.testing.frozen_clock import FrozenClock

ISSUER, AUDIENCE = "http://here/tenant/v2.0", "http://here"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def issuer(tmp_path: Path, clock: FrozenClock) -> Issuer:
    return Issuer.of(Home(tmp_path), clock)


def nobody() -> None:
    """Nobody else checks tokens."""


def issued(issuer: Issuer, lifetime: timedelta = timedelta(hours=1)) -> str:
    return issuer.issue(issuer=ISSUER, audience=AUDIENCE, subject="me", claims={}, lifetime=lifetime).text


def holds(issuer: Issuer, token: str) -> bool:
    try:
        issuer.verify(token, issuer=ISSUER, audience=AUDIENCE)
    except Unauthorized:
        return False
    return True


def published(issuer: Issuer) -> list[str]:
    return [each["kid"] for each in issuer.jwks["keys"]]


def test_a_new_key_signs_and_the_one_before_verifies(issuer: Issuer) -> None:
    old, first = issued(issuer), issuer.key_id
    issuer.rotate(nobody)
    new = issued(issuer)
    assert issuer.key_id != first
    assert published(issuer) == [issuer.key_id, first]
    assert holds(issuer, old)
    assert holds(issuer, new)


def test_a_key_goes_after_the_longest_token_that_it_signed(issuer: Issuer, clock: FrozenClock) -> None:
    issued(issuer, timedelta(days=3))
    token = issued(issuer, timedelta(days=10))
    issued(issuer)
    first = issuer.key_id
    issuer.rotate(nobody)
    clock.advance(timedelta(days=10).total_seconds())
    assert not issuer.forget_ended()
    assert holds(issuer, token), "within the leeway"
    clock.advance(7201)
    assert issuer.forget_ended()
    assert first not in published(issuer)
    assert not issuer.forget_ended()


def test_a_key_of_which_no_token_holds_any_more_goes_sooner(issuer: Issuer, clock: FrozenClock) -> None:
    issued(issuer)
    issuer.rotate(nobody)
    clock.advance(3600 + 7201)
    assert issuer.forget_ended()
    assert published(issuer) == [issuer.key_id]


def test_ending_all_tokens_forgets_every_key_before(issuer: Issuer) -> None:
    old = issued(issuer)
    issuer.rotate(nobody)
    newer = issued(issuer)
    issuer.rotate(nobody, forget=True)
    assert published(issuer) == [issuer.key_id]
    assert not holds(issuer, old)
    assert not holds(issuer, newer)
    assert holds(issuer, issued(issuer))


def test_others_hear_of_a_key_before_it_signs(issuer: Issuer) -> None:
    first, seen = issuer.key_id, []
    issued(issuer)

    def announce() -> None:
        seen.append((published(issuer), issuer.key_id, holds(issuer, issued(issuer))))

    issuer.rotate(announce)
    assert seen == [([issuer.key_id, first], first, True)]


def test_when_others_cannot_be_told_the_key_before_goes_on(issuer: Issuer, tmp_path: Path, clock: FrozenClock) -> None:
    def fails() -> None:
        raise OSError("no")

    first, old = issuer.key_id, issued(issuer)
    with pytest.raises(OSError, match="no"):
        issuer.rotate(fails)
    assert (issuer.key_id, published(issuer)) == (first, [first])
    assert Issuer.of(Home(tmp_path), clock).key_id == first
    with pytest.raises(OSError, match="no"):
        issuer.rotate(fails, forget=True)
    assert issuer.key_id != first, "what was to end has ended"
    assert not holds(issuer, old)


def test_all_is_kept_and_nobody_can_sign_with_a_former_key(issuer: Issuer, tmp_path: Path, clock: FrozenClock) -> None:
    tokens = [issued(issuer)]
    for _ in range(3):
        issuer.rotate(nobody)
        tokens.append(issued(issuer))
    again = Issuer.of(Home(tmp_path), clock)
    assert published(again) == published(issuer)
    assert all(holds(again, token) for token in tokens)
    assert again.keys.since == issuer.keys.since
    assert again.keys.longest == issuer.keys.longest
    path = Home(tmp_path).issuer_keys
    assert path.read_text().count("PRIVATE KEY-----") == 2, "one block"
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_key_of_an_older_home_goes_on_and_its_refresh_tokens_do(tmp_path: Path, clock: FrozenClock) -> None:
    home = Home(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    home.keys.mkdir()
    home.issuer_keys.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    made = clock.now() - timedelta(days=20)
    os.utime(home.issuer_keys, (made.timestamp(), made.timestamp()))
    refresh = issued(Issuer(key, clock), timedelta(days=7))
    issuer = Issuer.of(home, clock)
    assert issuer.keys.since == made
    assert read_keys(home.issuer_keys).since == made
    issuer.rotate(nobody)
    clock.advance(timedelta(days=6, hours=23).total_seconds())
    issuer.forget_ended()
    assert holds(issuer, refresh)


def test_a_key_is_due_after_a_time(issuer: Issuer, clock: FrozenClock) -> None:
    clock.advance(ROTATED_AFTER.total_seconds() - 1)
    assert not issuer.is_due
    clock.advance(1)
    assert issuer.is_due
    issuer.rotate(nobody)
    assert not issuer.is_due


def test_rotating_again_and_again_ends_somewhere(issuer: Issuer, clock: FrozenClock) -> None:
    issued(issuer, timedelta(days=7))
    with pytest.raises(ResourceConflict, match="still have tokens"):
        for _ in range(40):
            issued(issuer, timedelta(days=7))
            issuer.rotate(nobody)
    assert len(published(issuer)) <= 17
    issuer.rotate(nobody, forget=True)
    assert len(published(issuer)) == 1


def asserted(issuer: Issuer) -> str:
    return issuer.issue(issuer=ISSUER, audience="api://elsewhere", subject="me", claims={}, asserts=True).text


def test_an_assertion_is_signed_as_entra_id_documents_it(issuer: Issuer, tmp_path: Path, clock: FrozenClock) -> None:
    """RS256, by a key that is published, lasts, and opens nothing here."""
    before = published(issuer)
    text = asserted(issuer)
    header = jwt.get_unverified_header(text)
    assert header["alg"] == "RS256"
    key = jwt.PyJWKSet.from_dict(dict(issuer.published))[header["kid"]]
    said = jwt.decode(
        text,
        key,
        algorithms=["RS256"],
        audience="api://elsewhere",
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},  # the clock is one of ours
    )
    assert said["sub"] == "me"
    assert "d" not in issuer.published["keys"][-1]
    assert published(issuer) == before, "the gateway need not hear of it"
    with pytest.raises(Unauthorized):
        issuer.verify(text, issuer=ISSUER, audience="api://elsewhere")
    again = asserted(Issuer.of(Home(tmp_path), clock))
    assert jwt.get_unverified_header(again)["kid"] == header["kid"]


def test_the_key_of_assertions_goes_with_the_one_that_signs(issuer: Issuer, tmp_path: Path, clock: FrozenClock) -> None:
    def known(issuer: Issuer) -> list[str]:
        return [each["kid"] for each in issuer.published["keys"] if each["kty"] == "RSA"]

    first = jwt.get_unverified_header(asserted(issuer))["kid"]
    issuer.rotate(nobody)
    assert known(issuer) == [first], "until what it has signed has ended"
    second = jwt.get_unverified_header(asserted(issuer))["kid"]
    assert known(issuer) == known(Issuer.of(Home(tmp_path), clock)) == [second, first]
    clock.advance(3600 + 7201)
    assert issuer.forget_ended()
    assert known(issuer) == [second]
    issuer.rotate(nobody, forget=True)
    assert known(issuer) == []


@pytest.mark.parametrize("damage", ["", "damaged", "before\n{}", "{}after", "Since: never\n{}", "{}{}"])
def test_a_damaged_file_is_named(tmp_path: Path, clock: FrozenClock, damage: str) -> None:
    home = Home(tmp_path)
    home.keys.mkdir()
    whole = Issuer(IssuerKeys.new(clock.now()), clock).keys.signing.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    home.issuer_keys.write_text(damage.replace("{}", whole.decode()))
    with pytest.raises(HostProblem, match=r"issuer\.pem"):
        Issuer.of(home, clock)


def test_a_kill_at_any_moment_leaves_keys_that_verify_what_was_signed(tmp_path: Path) -> None:
    """A process signs and rotates until it is killed; whatever it has handed out holds for the next one."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from flowstead.access.tokens import Issuer\n"
        "from flowstead.resources.clock import SystemClock\n"
        "from flowstead.resources.home import Home\n"
        "issuer = Issuer.of(Home(Path(sys.argv[1])), SystemClock())\n"
        "while True:\n"
        f"    token = issuer.issue(issuer={ISSUER!r}, audience={AUDIENCE!r}, subject='me', claims={{}})\n"
        "    print(token.text, flush=True)\n"
        "    issuer.rotate(lambda: None, forget=False) if len(issuer.keys.former) < 12 else sys.exit()\n"
    )
    for lines in (1, 2, 5):
        home = Home(tmp_path / str(lines))
        with subprocess.Popen(
            [sys.executable, "-c", code, str(home.root)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            tokens = [process.stdout.readline().strip() for _ in range(lines)]
            process.kill()
            tokens += [line.strip() for line in process.stdout if line.endswith("\n")]
        issuer = Issuer.of(home, SystemClock())
        assert all(holds(issuer, token) for token in tokens)
