"""Browser sessions and sign-in codes at rest; of their secrets, the hashes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from flowstead.resources.browser_session import BrowserSession, Holder, SignInCode
from flowstead.store.schema import browser_sessions, principals, sign_in_codes


class BrowserSessionRows:
    """As of one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, secret_hash: str) -> BrowserSession | None:
        query = browser_sessions.select().where(browser_sessions.c.secret_hash == secret_hash)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else BrowserSession(**_with_holder(row))

    def of(self, principal_id: str) -> Sequence[BrowserSession]:
        """The newest first."""
        query = browser_sessions.select().where(browser_sessions.c.principal_id == principal_id)
        ordered = query.order_by(browser_sessions.c.created_at.desc(), browser_sessions.c.id)
        return [BrowserSession(**_with_holder(row)) for row in self._connection.execute(ordered).mappings()]

    def add(self, session: BrowserSession) -> None:
        self._connection.execute(browser_sessions.insert().values(**_flat(session)))

    def touch(self, id: str, used_at: str) -> None:
        """Say when it was last used; no error when it is not there."""
        self._connection.execute(browser_sessions.update().where(browser_sessions.c.id == id).values(used_at=used_at))

    def remove(self, id: str) -> None:
        """No error when it is not there."""
        self._connection.execute(browser_sessions.delete().where(browser_sessions.c.id == id))

    def remove_all(self) -> None:
        """Those of everybody, and all codes."""
        self._connection.execute(browser_sessions.delete())
        self._connection.execute(sign_in_codes.delete())

    def code(self, code_hash: str) -> SignInCode | None:
        query = sign_in_codes.select().where(sign_in_codes.c.code_hash == code_hash)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else SignInCode(**_with_holder(row))

    def codes_of(self, principal_id: str) -> Sequence[SignInCode]:
        """The newest first."""
        query = sign_in_codes.select().where(sign_in_codes.c.principal_id == principal_id)
        ordered = query.order_by(sign_in_codes.c.created_at.desc(), sign_in_codes.c.code_hash)
        return [SignInCode(**_with_holder(row)) for row in self._connection.execute(ordered).mappings()]

    def add_code(self, code: SignInCode) -> None:
        self._connection.execute(sign_in_codes.insert().values(**_flat(code)))

    def use_code(self, code_hash: str, used_at: str) -> None:
        """No other transaction redeems it after this one."""
        update = sign_in_codes.update().where(sign_in_codes.c.code_hash == code_hash)
        self._connection.execute(update.values(used_at=used_at))

    def remove_code(self, code_hash: str) -> None:
        self._connection.execute(sign_in_codes.delete().where(sign_in_codes.c.code_hash == code_hash))

    def sweep(self, *, now: str, unused_since: str, codes_ended_before: str) -> None:
        """Forget sessions that have ended, or whose principal is gone, and codes that ended that long ago."""
        sessions = browser_sessions.c
        # Those whom an external issuer knows need no row.
        gone = sa.and_(sessions.issuer == "", sessions.principal_id.not_in(sa.select(principals.c.id)))
        ended = sa.or_(sessions.ends_at <= now, sessions.used_at <= unused_since, gone)
        self._connection.execute(browser_sessions.delete().where(ended))
        self._connection.execute(sign_in_codes.delete().where(sign_in_codes.c.ends_at < codes_ended_before))


_OF_HOLDER = tuple(each.name for each in fields(Holder))


def _with_holder(row: sa.RowMapping) -> dict[str, Any]:
    values = dict(row)
    return {"holder": Holder(**{name: values.pop(name) for name in _OF_HOLDER}), **values}


def _flat(kept: BrowserSession | SignInCode) -> dict[str, Any]:
    values = asdict(kept)
    return {**values.pop("holder"), **values}
