"""Tokens of an external issuer: what is checked of them, and when its keys are asked for."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from flowstead.access.external_issuer import ExternalIssuer
from flowstead.access.external_keys import ExternalKeys
from flowstead.access.outsiders import demand_welcome, outsider, who_may_come
from flowstead.errors import IssuerUnreachable, Unauthorized
from flowstead.resources.principal import Principal, PrincipalType
from flowstead.resources.settings import may_be_asked
from flowstead.testing.frozen_clock import FrozenClock

URL, AUDIENCE = "https://login.example.test/tenant/v2.0", "api://flowstead"
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def rsa_jwk(kid: str, key: rsa.RSAPrivateKey = RSA_KEY, **more: Any) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


class Issuer:
    """documents: what is at which URL; asked: how often it was asked for keys."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.keys: list[Any] = [
            rsa_jwk("r"),
            {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "e", "alg": "ES256"},
            {**OKPAlgorithm.to_jwk(ED_KEY.public_key(), as_dict=True), "kid": "o"},
        ]
        self.discovery: dict[str, Any] = {"issuer": URL, "jwks_uri": "https://login.example.test/keys"}
        self.asked = 0
        self.is_up = True
        self.checks = ExternalIssuer(URL, AUDIENCE, self.clock, ExternalKeys(URL, self.clock, fetch=self._fetch))

    def _fetch(self, url: str) -> Mapping[str, Any]:
        if not self.is_up:
            self.asked += 1
            raise IssuerUnreachable("down")
        if url.endswith("/.well-known/openid-configuration"):
            return self.discovery
        self.asked += 1
        assert url == self.discovery["jwks_uri"]
        return {"keys": self.keys}

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        whole = {"iss": URL, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600, **changes}
        return {name: value for name, value in whole.items() if value is not None}

    def token(self, key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "r", **changes: Any) -> str:
        headers = {**({"kid": kid} if kid is not None else {}), **changes.pop("headers", {})}
        return jwt.encode(self.claims(**changes), key, algorithm=algorithm, headers=headers)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(RSA_KEY, "RS256", "r"), (RSA_KEY, "PS384", "r"), (EC_KEY, "ES256", "e"), (ED_KEY, "EdDSA", "o")],
)
def test_a_right_token_says_who_comes(issuer: Issuer, key: Any, algorithm: str, kid: str) -> None:
    who = issuer.checks.verify(issuer.token(key, algorithm, kid, preferred_username="ada@example.org"))
    assert (who.name, who.type) == ("ada@example.org", PrincipalType.USER)
    assert who.object_id == str(uuid.uuid5(uuid.NAMESPACE_URL, f"{URL} ada"))
    assert who == issuer.checks.verify(issuer.token(key, algorithm, kid, preferred_username="ada@example.org"))


def test_entra_s_object_id_is_taken_as_it_is(issuer: Issuer) -> None:
    oid = "0F8FAD5B-0000-4000-8000-000000000001"
    assert issuer.checks.verify(issuer.token(oid=oid)).object_id == oid.lower()
    assert issuer.checks.verify(issuer.token(oid="none")).object_id != "none"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "a@b.c", "name": "Ada"}, "a@b.c"),
        ({"name": "owner"}, "owner@login.example.test"),
        ({}, "ada@login.example.test"),
        ({"name": "o\u202ewner\n" + "x" * 200}, ("owner" + "x" * 115) + "@login.example.test"),
    ],
)
def test_names_are_nobody_s_here(issuer: Issuer, claims: dict[str, Any], name: str) -> None:
    assert issuer.checks.verify(issuer.token(**claims)).name == name


@pytest.mark.parametrize(
    "claims", [{"idtyp": "app"}, {"gty": "client-credentials"}, {"azp": "ada"}, {"appid": "ada"}, {"client_id": "ada"}]
)
def test_a_program_is_a_service_principal(issuer: Issuer, claims: dict[str, Any]) -> None:
    assert issuer.checks.verify(issuer.token(**claims)).type is PrincipalType.SERVICE_PRINCIPAL


def wrong_tokens(issuer: Issuer) -> dict[str, str]:
    now = int(issuer.clock.now().timestamp())
    public = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    by_public = jwt.encode(issuer.claims(), RSA_KEY, algorithm="RS256", headers={"kid": "r"}).split(".")
    head = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "kid": "r"}).encode()).decode()
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signed = f"{head}.{by_public[1]}"
    symmetric = f"{signed}.{jwt.utils.base64url_encode(mac.sign(signed.encode(), public)).decode()}"
    return {
        "wrong audience": issuer.token(aud="api://other"),
        "longer audience": issuer.token(aud=f"{AUDIENCE}2"),
        "no audience": issuer.token(aud=None),
        "other issuer": issuer.token(iss="https://evil.test"),
        "longer issuer": issuer.token(iss=f"{URL}/"),
        "no issuer": issuer.token(iss=None),
        "expired": issuer.token(iat=now - 700, exp=now - 31),
        "no expiry": issuer.token(exp=None),
        "endless": issuer.token(exp=float("inf")),
        "expiry is text": issuer.token(exp="9999999999"),
        "expiry is true": issuer.token(exp=True),
        "not yet issued": issuer.token(iat=now + 31),
        "no time of issue": issuer.token(iat=None),
        "not yet valid": issuer.token(nbf=now + 31),
        "nobody": issuer.token(sub=None),
        "unsigned": jwt.encode(issuer.claims(), "", algorithm="none", headers={"kid": "r"}),
        "public key as secret": symmetric,
        "another's key": issuer.token(rsa.generate_private_key(65537, 2048)),
        "unknown key": issuer.token(kid="x"),
        "key of another algorithm": issuer.token(EC_KEY, "ES256", "r"),
        "algorithm that the key is not for": issuer.token(RSA_KEY, "RS256", "e"),
        "tampered": ".".join([*issuer.token(sub="bob").split(".")[:2], issuer.token().split(".")[2]]),
        "bound to a key": issuer.token(cnf={"jkt": "x"}),
        "end of a session": issuer.token(events={"http://schemas.openid.net/event/backchannel-logout": {}}),
        "of another kind": issuer.token(headers={"typ": "logout+jwt"}),
        "critical": issuer.token(headers={"crit": ["b64"], "b64": True}),
        "too long": issuer.token(groups=["x" * 36] * 500),
        "nested": "e30." + jwt.utils.base64url_encode(b"[" * 9000).decode() + ".x",
        "nonsense": "nonsense",
    }


WRONG = tuple(wrong_tokens(Issuer()))


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_token_is_refused(issuer: Issuer, kind: str) -> None:
    with pytest.raises(Unauthorized):
        issuer.checks.verify(wrong_tokens(issuer)[kind])


def test_clocks_may_differ_a_little(issuer: Issuer) -> None:
    now = int(issuer.clock.now().timestamp())
    moments: tuple[dict[str, Any], ...] = ({"exp": now - 29, "iat": now - 100}, {"iat": now + 29}, {"nbf": now + 29})
    for changes in moments:
        issuer.checks.verify(issuer.token(**changes))


def test_a_token_without_a_key_id_is_checked_by_the_only_key_that_fits(issuer: Issuer) -> None:
    issuer.checks.verify(issuer.token(kid=None))
    issuer.clock.advance(3601)
    issuer.keys.append(rsa_jwk("second", rsa.generate_private_key(65537, 2048)))
    with pytest.raises(Unauthorized):
        issuer.checks.verify(issuer.token(kid=None))


def test_keys_are_asked_for_once_an_hour_and_go_with_that(issuer: Issuer) -> None:
    for _ in range(20):
        issuer.checks.verify(issuer.token())
    assert issuer.asked == 1
    issuer.keys.pop(0)
    issuer.clock.advance(3599)
    issuer.checks.verify(issuer.token())
    issuer.clock.advance(1)
    with pytest.raises(Unauthorized):
        issuer.checks.verify(issuer.token())
    assert issuer.asked == 2


def test_a_new_key_is_found_and_made_up_ones_do_not_make_us_ask(issuer: Issuer) -> None:
    issuer.checks.verify(issuer.token())
    for _ in range(50):
        with pytest.raises(Unauthorized):
            issuer.checks.verify(issuer.token(kid=uuid.uuid4().hex))
    assert issuer.asked == 1, "it was asked a moment ago"
    new = rsa.generate_private_key(65537, 2048)
    issuer.keys = [rsa_jwk("new", new)]
    issuer.clock.advance(10)
    issuer.checks.verify(issuer.token(new, kid="new"))
    assert issuer.asked == 2
    with pytest.raises(Unauthorized):
        issuer.checks.verify(issuer.token())


def test_an_issuer_that_is_down_is_told_apart_from_a_wrong_token(issuer: Issuer) -> None:
    issuer.is_up = False
    for _ in range(20):
        with pytest.raises(IssuerUnreachable, match="cannot be asked"):
            issuer.checks.verify(issuer.token())
    assert issuer.asked == 1
    issuer.is_up = True
    issuer.clock.advance(10)
    issuer.checks.verify(issuer.token())
    issuer.is_up = False
    issuer.clock.advance(23 * 3600)
    issuer.checks.verify(issuer.token())
    issuer.clock.advance(3601)
    with pytest.raises(IssuerUnreachable):
        issuer.checks.verify(issuer.token())


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.test"},
        {"issuer": f"{URL}/"},
        {"jwks_uri": "http://login.example.test/keys"},
        {"jwks_uri": "http://127.0.0.1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
def test_a_wrong_discovery_document_brings_no_keys(issuer: Issuer, change: dict[str, Any]) -> None:
    issuer.discovery.update(change)
    with pytest.raises(IssuerUnreachable):
        issuer.checks.verify(issuer.token())
    assert issuer.asked == 0


def test_keys_that_prove_nothing_are_left_out(issuer: Issuer) -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505
    issuer.keys = [
        rsa_jwk("weak", weak),
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I", "kid": "secret"},
        rsa_jwk("enc", use="enc"),
        rsa_jwk("hs", alg="HS256"),
        "nonsense",
        {"kty": "RSA"},
        rsa_jwk("r"),
    ]
    issuer.checks.verify(issuer.token())
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        by_weak = issuer.token(weak, kid="weak")
    for token in (by_weak, issuer.token(kid="enc"), issuer.token(kid="hs")):
        with pytest.raises(Unauthorized):
            issuer.checks.verify(token)


def test_a_private_key_that_somebody_published_checks_as_its_public_half(issuer: Issuer) -> None:
    issuer.keys = [{**RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True), "kid": "r"}]
    issuer.checks.verify(issuer.token())


@pytest.mark.parametrize(
    ("url", "here", "may"),
    [
        ("https://login.example.test", False, True),
        ("https://login.example.test/", True, True),
        ("http://login.example.test", True, False),
        ("http://127.0.0.1:9400", True, True),
        ("http://[::1]:9400", True, True),
        ("http://localhost:9400", True, True),
        ("http://127.0.0.1:9400", False, False),
        ("http://127.0.0.1.evil.test", True, False),
        ("https://user@login.example.test", True, False),
        ("https://login.example.test#x", True, False),
        ("https://", True, False),
        ("https://a:99999", True, False),
        ("ftp://a", True, False),
        ("", True, False),
    ],
)
def test_which_issuers_may_be_asked(url: str, here: bool, may: bool) -> None:
    assert may_be_asked(url, here=here) is may


def test_only_the_issuer_named_is_taken_for_it(issuer: Issuer) -> None:
    assert issuer.checks.issued(issuer.token())
    for token in (issuer.token(iss=f"{URL}/"), "a.b.c", "", "x" * 20_000):
        assert not issuer.checks.issued(token)


def _row(**changes: Any) -> Principal:
    known: dict[str, Any] = {
        "object_id": "o", "tenant_id": "t", "client_id": "o", "name": "o", "is_owner": False, "secret_hash": "",
        "created_at": "now", "type": PrincipalType.USER, "issuer": URL,
    }  # fmt: skip
    return Principal(**{**known, **changes})


def test_who_is_blocked_or_one_of_ours_is_not_welcome(issuer: Issuer) -> None:
    who = issuer.checks.verify(issuer.token())
    for row, welcome in (
        (None, True),
        (_row(), True),
        (_row(issuer="https://before.test"), True),
        (_row(issuer=""), False),
        (_row(blocked=True), False),
        (_row(tokens_from=who.issued_at), False),
        (_row(tokens_from=who.issued_at - 30), False),
        (_row(tokens_from=who.issued_at - 31), True),
    ):
        principal = outsider("o", URL, row=row)
        if welcome:
            demand_welcome(principal, row, who)
        else:
            with pytest.raises(Unauthorized):
                demand_welcome(principal, row, who)


def test_who_may_come_to_endpoints() -> None:
    ours = _row(object_id="a", issuer="")
    theirs = _row(object_id="b", session="s")
    rows = [ours, theirs, _row(object_id="c", blocked=True), _row(object_id="d", issuer="", blocked=True)]
    assert [each.object_id for each in who_may_come(rows, {"e": ()}, "")] == ["a"]
    found = who_may_come(rows, {"e": ()}, URL)
    assert [each.object_id for each in found] == ["a", "b", "e"]
    assert found[1].session == outsider("b", URL, row=theirs).session
    assert found[2].session == outsider("e", URL).session
    assert outsider("e", "https://other.test").session != found[2].session
