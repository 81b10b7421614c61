"""Autoscale settings, by REST."""

from __future__ import annotations

from urllib.parse import quote

from flowstead.client.resources import Body, pages
from flowstead.client.session import Session


class AutoscaleSettings:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, name: str) -> Body:
        """Raises ResourceNotFound."""
        return dict(self._session.request("GET", self._path(name)).json())

    def all(self) -> list[Body]:
        """Those of the session's resource group."""
        return pages(self._session, self._path("").rstrip("/"))

    def put(self, name: str, body: Body) -> Body:
        return dict(self._session.request("PUT", self._path(name), body=body).json())

    def delete(self, name: str) -> None:
        self._session.request("DELETE", self._path(name))

    def _path(self, name: str) -> str:
        return self._session.workspace.autoscale_setting(quote(name, safe=""))
