"""Others than the owner, to look at the portal as they have it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from playwright.sync_api import Locator, expect

from tests.installation import Installation


@dataclass(frozen=True)
class Person:
    site: Installation
    name: str
    object_id: str
    tenant_id: str
    client_id: str
    secret: str

    def token(self, audience: str = "") -> str:
        """For this server, unless for another audience."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.secret,
            "scope": f"{audience or self.site.url}/.default",
        }
        answer = httpx.post(f"{self.site.url}/{self.tenant_id}/oauth2/v2.0/token", data=form, timeout=30)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    @property
    def link(self) -> Callable[[], str]:
        """Makes a link that signs a browser in as that person."""

        def make() -> str:
            answer = httpx.post(
                f"{self.site.url}/signin/links", headers={"Authorization": f"Bearer {self.token()}"}, timeout=30
            )
            assert answer.status_code == 201, answer.text
            return str(answer.json()["url"])

        return make


def somebody(site: Installation, name: str, role: str = "", scope: str = "") -> Person:
    """A new user, with that role on that scope when one is given."""
    grant = ("--role", role, "--scope", scope) if role else ()
    made: dict[str, Any] = site.json("principal", "create", "--name", name, "--type", "User", *grant)
    return Person(site, name, made["principalId"], made["tenantId"], made["clientId"], made["clientSecret"])


def newcomer(site: Installation, *roles: str) -> Callable[[], str]:
    """Makes one-time links of somebody new who has these roles on the workspace."""
    person = somebody(site, f"newcomer-{secrets.token_hex(4)}")
    for role in roles:
        grant = ("--role", role, "--assignee", person.name, "--scope", "workspace")
        site.run("role", "assignment", "create", *grant)
    return person.link


def expect_refused(control: Locator, action: str) -> None:
    """It can be reached and not used, and says what it takes. action: the end of its name."""
    expect(control).to_have_attribute("aria-disabled", "true")
    expect(control).to_have_accessible_description(
        re.compile(rf"Your roles do not allow \S+{re.escape(action)}\. .*flowstead role assignment create --role")
    )
