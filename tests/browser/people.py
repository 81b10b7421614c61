"""Others than the owner who open the portal."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import httpx

from tests.installation import Installation


def newcomer(site: Installation, *roles: str) -> Callable[[], str]:
    """Makes one-time links of somebody new who has these roles on the workspace."""
    made = site.json("principal", "create", "--name", f"newcomer-{secrets.token_hex(4)}")
    for role in roles:
        site.run(
            "role", "assignment", "create", "--role", role, "--assignee-object-id", made["principalId"],
            "--scope", "workspace",
        )  # fmt: skip
    form = {
        "grant_type": "client_credentials",
        "client_id": made["clientId"],
        "client_secret": made["clientSecret"],
        "scope": f"{site.tls_url}/.default",
    }
    token = httpx.post(f"{site.url}/common/oauth2/v2.0/token", data=form).json()["access_token"]

    def link() -> str:
        answer = httpx.post(f"{site.url}/signin/links", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"])

    return link
