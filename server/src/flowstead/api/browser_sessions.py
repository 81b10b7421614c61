"""Browser sessions: made of a one-time code or a token, known by their secret, ended by time and by their owner."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from flowstead.access import Access
from flowstead.access.attempts import Attempts
from flowstead.access.principals import hash_secret, new_secret
from flowstead.errors import AuthorizationFailed, ResourceNotFound, Unauthorized
from flowstead.resources.browser_session import (
    CODE_LIFETIME,
    MAX_CODES,
    MAX_SESSIONS,
    SESSION_IDLE,
    SESSION_LIFETIME,
    BrowserSession,
    Holder,
    SignInCode,
)
from flowstead.resources.clock import Clock, iso
from flowstead.resources.names import Workspace
from flowstead.resources.origin import ORIGIN
from flowstead.resources.principal import Principal, PrincipalType
from flowstead.store import Reading, Store, Writing

_USE_NOTED_AFTER = timedelta(minutes=1)
"""A use is written down once a minute, so that reading stays reading."""
_REMEMBER_CODES = timedelta(days=1)
_LONGEST_CLIENT = 200
_ANYBODY = "browser"
"""Under which all attempts of an address are counted: a code does not say whose it is."""
_ANOTHER = "Make another link: flowstead signin-link."


@dataclass(frozen=True)
class SignedIn:
    """secret: what the cookie holds. csrf_token: what pages of ours send with it; nobody makes one of the other."""

    principal: Principal
    session: BrowserSession
    secret: str = field(repr=False)
    csrf_token: str = field(repr=False)


class BrowserSessions:
    """Each method is a transaction of its own, with its audit record."""

    def __init__(self, store: Store, access: Access, workspace: Workspace, clock: Clock) -> None:
        self._store = store
        self._access = access
        self._workspace = workspace
        self._clock = clock
        self._attempts = Attempts(clock)

    def make_code(self, principal: Principal) -> str:
        """A code that signs this principal in, once, for ten minutes. Raises AuthorizationFailed for an identity."""
        _check_person(principal)
        code, now = new_secret(), self._clock.now()
        made = SignInCode(hash_secret(code), Holder.of(principal), iso(now), iso(now + CODE_LIFETIME))
        with self._store.transaction() as tx:
            self._sweep(tx)
            for old in tx.browser_sessions.codes_of(principal.object_id)[MAX_CODES - 1 :]:
                tx.browser_sessions.remove_code(old.code_hash)
            tx.browser_sessions.add_code(made)
            self._record(tx, principal, "makeSignInLink")
        return code

    def attempt(self, address: str) -> AbstractContextManager[None]:
        """Around one attempt to sign in. address: where it comes from; too many that fail there make it wait, whoever
        the next one may be of. Raises TooManyAttempts."""
        return self._attempts.attempt(address, _ANYBODY)

    def redeem(self, code: str, *, client: str, replacing: str = "") -> SignedIn:
        """Sign in whom a link was made for; the rest as of `start`. Raises Unauthorized."""
        found = self._take(hash_secret(code))
        if found is None:
            raise Unauthorized("The code is not known, or no longer.", hint=_ANOTHER)
        try:
            self._check(found)
            principal = self._access.known_still(found.holder)
        except Unauthorized as refusal:
            resource = self._workspace.principal(found.holder.name)
            with self._store.transaction() as tx:
                number = tx.journal.record("unknown", "signIn", resource, begun=True)
                tx.journal.conclude(number, "by a one-time link", refusal.as_body())
            raise
        return self._start(principal, "by a one-time link", client, replacing)

    def start(self, principal: Principal, *, client: str, replacing: str = "") -> SignedIn:
        """Sign in somebody who has proved who he is. client: what the browser calls itself. replacing: the secret of
        a session that ends with it. The secret is a new one each time: nobody can fix it beforehand.

        Raises AuthorizationFailed for an identity, whose tokens are for programs."""
        _check_person(principal)
        return self._start(principal, "by a token", client, replacing)

    def recognise(self, secret: str, *, used: bool = True) -> SignedIn:
        """Whose session it is. used: this keeps it from being idle. Raises Unauthorized."""
        now = self._clock.now()
        with self._store.reading() as tx:
            session = tx.browser_sessions.find(hash_secret(secret))
        if session is None or not self._holds(session):
            raise Unauthorized("The session has ended.", hint="Sign in again: flowstead signin-link.")
        principal = self._access.known_still(session.holder)
        if used and session.used_at <= iso(now - _USE_NOTED_AFTER):
            with self._store.transaction() as tx:
                tx.browser_sessions.touch(session.id, iso(now))
        return SignedIn(principal, session, secret, self._csrf_token(secret))

    def of(self, principal: Principal) -> Sequence[BrowserSession]:
        """Those that hold, the newest first."""
        with self._store.reading() as tx:
            return self._of(tx, principal)

    def end(self, principal: Principal, id: str) -> None:
        """Raises ResourceNotFound unless it is a session of that principal."""
        with self._store.transaction() as tx:
            if id not in {each.id for each in self._of(tx, principal)}:
                raise ResourceNotFound(
                    f"{principal.name} has no session {id[:64]}.", hint="`GET /sessions` lists them."
                )
            tx.browser_sessions.remove(id)
            self._record(tx, principal, "signOut", f"session {id}")

    def end_all(self) -> None:
        """Those of everybody, and all links that are out."""
        with self._store.transaction() as tx:
            tx.browser_sessions.remove_all()

    def _of(self, tx: Reading, principal: Principal) -> Sequence[BrowserSession]:
        found = tx.browser_sessions.of(principal.object_id)
        return [each for each in found if each.holder.principal_session == principal.session and self._holds(each)]

    def _holds(self, session: BrowserSession) -> bool:
        now = self._clock.now()
        return session.ends_at > iso(now) and session.used_at > iso(now - SESSION_IDLE)

    def _take(self, code_hash: str) -> SignInCode | None:
        """The code as it was, which nobody else can take any more."""
        with self._store.transaction() as tx:
            found = tx.browser_sessions.code(code_hash)
            if found is not None and not found.used_at:
                tx.browser_sessions.use_code(code_hash, iso(self._clock.now()))
        return found

    def _check(self, code: SignInCode) -> None:
        if code.used_at:
            raise Unauthorized(
                "The code has been used already.",
                hint=f"{_ANOTHER} If it was not you who used it: flowstead principal revoke-tokens --name "
                f"{code.holder.name}.",
            )
        if code.ends_at <= iso(self._clock.now()):
            raise Unauthorized("The code has expired: it holds for ten minutes.", hint=_ANOTHER)

    def _start(self, principal: Principal, how: str, client: str, replacing: str) -> SignedIn:
        secret, now = new_secret(), self._clock.now()
        session = BrowserSession(
            id=uuid.uuid4().hex,
            secret_hash=hash_secret(secret),
            holder=Holder.of(principal),
            client=client[:_LONGEST_CLIENT],
            created_at=iso(now),
            used_at=iso(now),
            ends_at=iso(now + SESSION_LIFETIME),
        )
        with self._store.transaction() as tx:
            self._sweep(tx)
            before = tx.browser_sessions.find(hash_secret(replacing)) if replacing else None
            if before is not None:
                tx.browser_sessions.remove(before.id)
            for old in tx.browser_sessions.of(principal.object_id)[MAX_SESSIONS - 1 :]:
                tx.browser_sessions.remove(old.id)
            tx.browser_sessions.add(session)
            self._record(tx, principal, "signIn", f"{how}, session {session.id}")
        return SignedIn(principal, session, secret, self._csrf_token(secret))

    def _csrf_token(self, secret: str) -> str:
        return hmac.new(self._store.lasting_key("csrf-tokens"), secret.encode(), hashlib.sha256).hexdigest()

    def _sweep(self, tx: Writing) -> None:
        now = self._clock.now()
        tx.browser_sessions.sweep(
            now=iso(now), unused_since=iso(now - SESSION_IDLE), codes_ended_before=iso(now - _REMEMBER_CODES)
        )

    def _record(self, tx: Writing, principal: Principal, action: str, detail: str = "") -> None:
        # Who signs in is known now only, and was not when the request came.
        ORIGIN.set(replace(ORIGIN.get(), principal_id=principal.object_id))
        tx.journal.record(principal.name, action, self._workspace.principal(principal.name), detail=detail)


def _check_person(principal: Principal) -> None:
    if principal.type is PrincipalType.MANAGED_IDENTITY:
        raise AuthorizationFailed(
            f"{principal.name} is an identity, which does not sign in with a browser.",
            hint="Sign in as a user or a service principal.",
        )
