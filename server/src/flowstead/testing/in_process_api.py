"""The management API over a scratch home, called without a socket, with nobody reconciling."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from flowstead.access import Access
from flowstead.access.principals import hash_secret
from flowstead.api import create_app
from flowstead.api.datastores import area_of
from flowstead.engines.instance_board import InstanceBoard
from flowstead.engines.local import LocalEngine
from flowstead.environments.interpreters import Interpreters
from flowstead.environments.protocol import Environments
from flowstead.flow_tests.instances import FlowTests
from flowstead.resources.clock import Clock, SystemClock
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables
from flowstead.resources.names import Workspace
from flowstead.resources.operation import OperationState
from flowstead.resources.principal import Principal
from flowstead.resources.role import AUTHORIZATION, RoleAssignmentSpec
from flowstead.resources.settings import ServerSettings
from flowstead.store import Store
from flowstead.store.keys import key_source
from flowstead.store.records import Kind
from flowstead.testing.memory_environments import InMemoryEnvironments

OWNER = "owner"


class InProcessApi:
    """hints: how often the reconciler was told that there is work. Requests carry the owner's token."""

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock | None = None,
        settings: ServerSettings | None = None,
        environments: Environments | None = None,
        interpreters: Interpreters | None = None,
    ) -> None:
        """environments: of the flows that are tried out; ones that nothing runs in unless given.
        interpreters: this machine's unless given."""
        self.home = Home(root)
        self.home.create()
        self.clock = clock or SystemClock()
        self.settings = settings or ServerSettings()
        self.workspace = Workspace()
        self.hints = 0
        self.instances = InstanceBoard()
        self.store = Store.open(self.home, clock=self.clock, master_key=key_source(self.home, GivenVariables()))
        self.access = Access.open(self.home, principals=self.store.principals, settings=self.settings, clock=self.clock)
        self.environments = environments or InMemoryEnvironments()
        self.flow_tests = FlowTests(
            engine=LocalEngine(self.home, run=self.home.tests_run),
            environments=self.environments,
            home=self.home,
            clock=self.clock,
            salt=b"salt",
        )
        self.app = create_app(
            store=self.store,
            access=self.access,
            hint=self._hinted,
            home=self.home,
            settings=self.settings,
            clock=self.clock,
            instances=self.instances,
            environments_on_disk=self.environments,
            flow_tests=self.flow_tests,
            interpreters=interpreters or Interpreters.of_this_machine(self.home.package_cache),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    def call(
        self, method: str, path: str, json: Any = None, *, token: str | None = OWNER, **options: Any
    ) -> httpx.Response:
        """One request. path: absolute, or below the workspace when it begins with no slash. token: OWNER for the
        owner's, None for none."""
        where = path if path.startswith("/") else f"{self.workspace.path}/{path}"
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token() if token == OWNER else token}")
        if json is not None:
            options["json"] = json
        return asyncio.run(self._send(method, where, headers, options))

    def token(self, principal: Principal | None = None, *, lifetime: timedelta = timedelta(hours=1)) -> str:
        """A token of the owner, or of another principal, for the API."""
        who = principal or self.store.principals.owner()
        assert who is not None, "the first start makes an owner"  # noqa: S101
        issued = self.access.issuer.issue(
            issuer=self.access.issuer_url,
            audience=self.access.audience,
            subject=who.object_id,
            claims={"tid": who.tenant_id, "appid": who.client_id, "ses": who.session},
            lifetime=lifetime,
        )
        return issued.text

    def stranger(self, secret: str = "") -> Principal:
        """A principal that exists and may do nothing."""
        owner = self.store.principals.owner()
        assert owner is not None, "the first start makes an owner"  # noqa: S101
        stranger = replace(
            owner,
            object_id="00000000-0000-0000-0000-00000000aaaa",
            client_id="00000000-0000-0000-0000-00000000bbbb",
            name="stranger",
            is_owner=False,
            secret_hash=hash_secret(secret),
            grants=(),
        )
        self.store.principals.put(stranger)
        return stranger

    def granted(self, principal: Principal, role: str, scope: str | None = None) -> Principal:
        """The principal with that role more. role: a guid; scope: the workspace unless given."""
        name, at = str(uuid.uuid4()), scope or self.workspace.path
        id = f"{at.rstrip('/')}/providers/{AUTHORIZATION}/roleAssignments/{name}"
        spec = RoleAssignmentSpec(role, principal.object_id)
        with self.store.transaction() as tx:
            tx.put(Kind.ROLE_ASSIGNMENT, id, at, name, spec, by="test", operation=None)
            return replace(principal, grants=tx.principals.grants(principal.object_id))

    @property
    def uploads(self) -> Path:
        """Where on the disk lies what the owner uploads."""
        owner = self.store.principals.owner()
        assert owner is not None, "the first start makes an owner"  # noqa: S101
        return self.home.uploads / area_of(owner)

    def upload(self, files: dict[str, str | bytes], *, place: str = "LocalUpload/aa/flow") -> str:
        """Upload files by the blob routes; returns the `modelUri`."""
        secrets = self.call("POST", "datastores/workspaceblobstore/listSecrets").json()
        root = f"/flowstead.blob.core.private/azureml-blobstore/{place}"
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            answer = self.call("PUT", f"{root}/{name}?{secrets['sasToken']}", token=None, content=data)
            answer.raise_for_status()
        return f"azureml://datastores/workspaceblobstore/paths/{place}"

    def settle(self, state: ProvisioningState = ProvisioningState.SUCCEEDED, **status: Any) -> None:
        """Do what the reconciler would, at once: all that was asked for is so, or has failed."""
        ended = OperationState(state.value)
        with self.store.transaction() as tx:
            for record in tx.unsettled():
                if record.deleting:
                    tx.remove(record.id)
                    continue
                observed = replace(record.status, provisioning_state=state, **status)
                tx.put_status(record.id, observed, generation=record.generation)
                running = tx.running_operation(record.id)
                if running is not None:
                    tx.finish_operation(running.id, ended, status.get("error"))

    def _hinted(self) -> None:
        self.hints += 1

    async def _send(self, method: str, path: str, headers: dict[str, str], options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=self.settings.base_url("http")) as client:
            return await client.request(method, path, headers=headers, **options)
