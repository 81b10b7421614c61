"""A real store with a reconciler on fakes: what a test of the reconciler, or of something beside it, needs."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from flowstead.engines.instance_board import InstanceBoard
from flowstead.engines.protocol import Engine
from flowstead.environments.protocol import Environments
from flowstead.reconcile.hint import Hint
from flowstead.reconcile.loop import Gateway, Reconciler
from flowstead.reconcile.scaler import Scaler
from flowstead.resources.asset import AssetContainerSpec
from flowstead.resources.clock import Clock
from flowstead.resources.deployment import SECRET_VARIABLE_PREFIX, DeploymentSpec
from flowstead.resources.endpoint import PRIMARY_KEY, SECONDARY_KEY, EndpointSpec
from flowstead.resources.home import Home
from flowstead.resources.identity import client_id_of, principal_id_of
from flowstead.resources.model import ModelVersionSpec
from flowstead.resources.names import Workspace
from flowstead.resources.operation import Operation, OperationKind
from flowstead.resources.principal import Principal
from flowstead.resources.role import RoleAssignmentSpec
from flowstead.store import Store
from flowstead.store.records import DeploymentRecord, EndpointRecord, Kind
from flowstead.testing.fixed_key import fixed_key
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.memory_engine import InMemoryEngine
from flowstead.testing.memory_environments import InMemoryEnvironments
from flowstead.testing.memory_gateway import InMemoryGateway

WORKSPACE = Workspace()
Found = TypeVar("Found")
_BY = "test"
_FLOW = """\
inputs:
  question: {type: string}
outputs:
  answer: {type: string, reference: "${echo.output}"}
nodes:
- name: echo
  type: python
  source: {type: code, path: echo.py}
  inputs: {question: "${inputs.question}"}
"""


@dataclass
class ReconcilerWorld:
    """engine, environments, gateway, clock: the fakes unless others are given. new_scaler: None where nothing scales by
    itself."""

    home: Home
    clock: Any = field(default_factory=FrozenClock)
    engine: Any = field(default_factory=InMemoryEngine)
    environments: Any = field(default_factory=InMemoryEnvironments)
    gateway: Any = field(default_factory=InMemoryGateway)
    hint: Hint = field(default_factory=Hint)
    new_scaler: Callable[[Store, Clock], Scaler] | None = None
    seed: int = 0
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.home.create()
        self.store = Store.open(self.home, clock=self.clock, master_key=fixed_key())
        self.reconciler = self.new_reconciler()

    def close(self) -> None:
        self.store.close()

    def new_reconciler(self, *, board: InstanceBoard | None = None, identity_url: str = "") -> Reconciler:
        """As the next server would have it: it remembers nothing."""
        self.seed += 1
        engine: Engine = self.engine
        environments: Environments = self.environments
        gateway: Gateway = self.gateway
        clock: Clock = self.clock
        self.reconciler = Reconciler(
            store=self.store,
            engine=engine,
            environments=environments,
            gateway=gateway,
            home=self.home,
            clock=clock,
            hint=self.hint,
            board=board,
            scaler=self.new_scaler(self.store, clock) if self.new_scaler is not None else None,
            identity_url=identity_url,
            random=Random(self.seed),  # noqa: S311 ids of a test
        )
        return self.reconciler

    def put_model(self, name: str, version: str, flow: Path) -> str:
        """Register a folder's content. Returns the version's ARM id."""
        digest = hashlib.sha256()
        for path in sorted(each for each in flow.rglob("*") if each.is_file()):
            digest.update(path.relative_to(flow).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
        content = digest.hexdigest()
        shutil.copytree(flow, self.home.models / content, dirs_exist_ok=True)
        container, id = WORKSPACE.model(name), WORKSPACE.model(name, version)
        with self.store.transaction() as tx:
            tx.put(Kind.MODEL, container, WORKSPACE.path, name, AssetContainerSpec(), by=_BY, operation=None)
            spec = ModelVersionSpec(uri="azureml://test", content_hash=content)
            tx.put(Kind.MODEL_VERSION, id, container, version, spec, by=_BY, operation=None)
        return id

    def put_flow(self, version: str = "1", *, code: str = "", requirements: str = "") -> str:
        """Register a small flow that no fake will run. Returns the version's ARM id."""
        folder = self.home.uploads / "flow" / version
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "flow.dag.yaml").write_text(_FLOW)
        (folder / "echo.py").write_text(code or "from promptflow.core import tool\n")
        if requirements:
            (folder / "requirements.txt").write_text(requirements)
        return self.put_model("flow", version, folder)

    def bring_up(self, model: str, count: int = 1) -> DeploymentRecord:
        """The endpoint `chat` with the deployment `blue`, which gets all its traffic; settled."""
        self.put_endpoint(traffic={"blue": 100})
        self.put_deployment(model=model, instance_count=count)
        self.settle()
        return self.there()

    def put_endpoint(self, name: str = "chat", **changes: Any) -> Operation:
        id = WORKSPACE.endpoint(name)
        with self.store.transaction() as tx:
            before = tx.find(Kind.ENDPOINT, id)
            spec = replace(before.spec if before else EndpointSpec(), **changes)
            kind = OperationKind.UPDATE if before else OperationKind.CREATE
            _, operation = tx.put(Kind.ENDPOINT, id, WORKSPACE.path, name, spec, by=_BY, operation=kind)
            if before is None:
                tx.put_secret(id, PRIMARY_KEY, f"{name}-first-key", by=_BY)
                tx.put_secret(id, SECONDARY_KEY, f"{name}-second-key", by=_BY)
        return _there(operation)

    def put_deployment(
        self, name: str = "blue", *, endpoint: str = "chat", secrets: Mapping[str, str] | None = None, **changes: Any
    ) -> Operation:
        """Create it (`model` is needed then) or change it. secrets: secret environment variables."""
        id = WORKSPACE.deployment(endpoint, name)
        with self.store.transaction() as tx:
            before = tx.find(Kind.DEPLOYMENT, id)
            spec = replace(before.spec, **changes) if before else DeploymentSpec(**changes)
            if secrets is not None:
                spec = replace(spec, secret_variables=tuple(sorted(secrets)))
            kind = OperationKind.UPDATE if before else OperationKind.CREATE
            parent = WORKSPACE.endpoint(endpoint)
            _, operation = tx.put(
                Kind.DEPLOYMENT, id, parent, name, spec, by=_BY, operation=kind, force=secrets is not None
            )
            for key, value in (secrets or {}).items():
                tx.put_secret(id, SECRET_VARIABLE_PREFIX + key, value, by=_BY)
        return _there(operation)

    def delete(self, id: str) -> Operation:
        with self.store.transaction() as tx:
            return tx.mark_deleting(id, _BY)

    def grant(self, role: str, scope: str = WORKSPACE.path, endpoint: str = "chat") -> str:
        """Give the endpoint's own identity a role; returns the assignment's id."""
        record = _there(self.endpoint(endpoint))
        object_id = principal_id_of(record.uid)
        known = Principal(object_id, "tenant", client_id_of(record.uid), endpoint, False, "", "", resource_id=record.id)
        name = f"{role}-{endpoint}"
        id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        with self.store.transaction() as tx:
            tx.principals.put(known)
            tx.put(Kind.ROLE_ASSIGNMENT, id, scope, name, RoleAssignmentSpec(role, object_id), by=_BY, operation=None)
        return id

    def endpoint(self, name: str = "chat") -> EndpointRecord | None:
        with self.store.reading() as tx:
            return tx.find(Kind.ENDPOINT, WORKSPACE.endpoint(name))

    def deployment(self, name: str = "blue", endpoint: str = "chat") -> DeploymentRecord | None:
        with self.store.reading() as tx:
            return tx.find(Kind.DEPLOYMENT, WORKSPACE.deployment(endpoint, name))

    def there(self, name: str = "blue") -> DeploymentRecord:
        """The deployment, which is known to be there."""
        record = self.deployment(name)
        if record is None:
            raise LookupError(f"There is no deployment {name}.")
        return record

    def only_instance(self) -> str:
        """The id of the one instance there is."""
        (found,) = self.engine.observe()
        return str(found.id)

    def operation(self, operation: Operation) -> Operation:
        """As it stands now."""
        with self.store.reading() as tx:
            return _there(tx.operation(operation.id))

    def settle(self, *, looks: int = 60, step_s: float = 0.5) -> None:
        """Look until nobody waits for anything, at most that often; time passes between looks (frozen clock)."""
        for _ in range(looks):
            if not self.reconciler.tick():
                return
            self.clock.advance(step_s)

    def look_until(self, done: Callable[[], bool], *, looks: int = 60, step_s: float = 0.5) -> None:
        """Look until that is so. Raises AssertionError when it does not come about."""
        for _ in range(looks):
            self.reconciler.tick()
            if done():
                return
            self.clock.advance(step_s)
        raise AssertionError(f"It did not come about in {looks} looks.")


def _there(found: Found | None) -> Found:
    if found is None:
        raise LookupError("There is no such thing.")
    return found
