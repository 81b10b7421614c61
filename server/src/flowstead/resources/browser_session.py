"""Browser sessions: principals who are signed in by a cookie, and the codes that bring them there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from flowstead.resources.principal import Principal

SESSION_LIFETIME = timedelta(hours=12)
SESSION_IDLE = timedelta(hours=2)
"""How long a session lasts that nobody uses."""
CODE_LIFETIME = timedelta(minutes=10)
MAX_SESSIONS = 50
MAX_CODES = 20
"""So many of one principal at a time; one more ends the oldest."""


@dataclass(frozen=True)
class Holder:
    """Who signed in, as he was then: enough to find him again, and what an external issuer alone says of him.
    principal_session: when it is another one, what he was given then does not hold any more."""

    principal_id: str
    client_id: str
    issuer: str
    name: str
    type: str
    principal_session: str

    @classmethod
    def of(cls, principal: Principal) -> Holder:
        return cls(
            principal_id=principal.object_id,
            client_id=principal.client_id,
            issuer=principal.issuer,
            name=principal.name,
            type=principal.type.value,
            principal_session=principal.session,
        )


@dataclass(frozen=True)
class BrowserSession:
    """id: names it to its owner and opens nothing. secret_hash: of what the cookie holds. client: what the browser
    calls itself. used_at: to the minute. ends_at: whatever happens."""

    id: str
    secret_hash: str = field(repr=False)
    holder: Holder
    client: str
    created_at: str
    used_at: str
    ends_at: str


@dataclass(frozen=True)
class SignInCode:
    """used_at: "" until it was redeemed."""

    code_hash: str = field(repr=False)
    holder: Holder
    created_at: str
    ends_at: str
    used_at: str = ""
