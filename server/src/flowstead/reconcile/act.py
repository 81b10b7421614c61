"""Carries out what was decided. Every action may be repeated, and the server may die between any two."""

from __future__ import annotations

import shutil
import string
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from random import Random

from flowstead.access.instance_keys import INSTANCE_KEYS, InstanceKeys
from flowstead.engines.instance_board import InstanceBoard
from flowstead.engines.protocol import Contained, Engine, InstanceSpec
from flowstead.environments.protocol import Building, Built
from flowstead.reconcile.collecting import collector_variables
from flowstead.reconcile.decision import (
    Action,
    DeploymentView,
    RemoveFiles,
    RemoveRows,
    StartInstance,
    StopInstance,
)
from flowstead.reconcile.observe import endpoint_name, log_directory
from flowstead.reconcile.preparation import PREPARATION_LOG, ModelFiles, preparation_lines
from flowstead.reconcile.revision import variables_of
from flowstead.resources.deployment import DeploymentSpec, DeploymentStatus
from flowstead.resources.home import Home
from flowstead.resources.identity import IDENTITY_KEY, IDENTITY_URL
from flowstead.resources.settings import DEFAULT_MAX_REQUEST_BYTES
from flowstead.resources.sizes import size_kept
from flowstead.store import Store
from flowstead.store.records import DeploymentRecord, EndpointRecord

BUILD_LOG = "storage-initializer.log"
"""In a deployment's log folder: how its environment was built. Azure names that container so."""

WRITE_PATIENCE_S = 1.0
"""How long the reconciler waits for others who write to the store, seconds: they may not keep it from what else there
is, and it comes again."""

_ID_LETTERS = string.ascii_lowercase + string.digits


class Actor:
    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        board: InstanceBoard,
        home: Home,
        random: Random,
        identity_url: str = "",
        max_request_bytes: int = DEFAULT_MAX_REQUEST_BYTES,
    ) -> None:
        self._store = store
        self._engine = engine
        self._board = board
        self._home = home
        self._random = random
        self._identity_url = identity_url
        self._max_request_bytes = max_request_bytes
        self._instance_keys = InstanceKeys(store.lasting_key(INSTANCE_KEYS))

    def carry_out(
        self,
        action: Action,
        record: DeploymentRecord | EndpointRecord,
        view: DeploymentView | None,
        secrets: Mapping[str, str],
    ) -> None:
        """view: of the deployment, None for an endpoint."""
        match action:
            case StartInstance(revision):
                if view is not None:
                    instance = self._instance(view, revision, secrets)
                    self._board.starting(instance.deployment_uid, instance.id)
                    self._engine.start(instance)
            case StopInstance(instance_id, patient):
                self._engine.stop(instance_id, patient=patient)
            case RemoveFiles():
                shutil.rmtree(log_directory(self._home, record), ignore_errors=True)
            case RemoveRows():
                with self._store.transaction(patience_s=WRITE_PATIENCE_S) as tx:
                    tx.remove(record.id)

    def keep_build_log(self, view: DeploymentView) -> None:
        """Show the build log of its environment, which others share, in the deployment's log folder."""
        log = view.environment.log if isinstance(view.environment, Building | Built) else None
        shown = log_directory(self._home, view.record) / BUILD_LOG
        if log is None or not log.exists() or (shown.exists() and shown.samefile(log)):
            return
        shown.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shown.unlink(missing_ok=True)
        shown.hardlink_to(log)

    def tell_preparation(self, view: DeploymentView, status: object) -> None:
        """Write down how the environment and the model's files were put in place, when that is news."""
        if not isinstance(status, DeploymentStatus):
            return
        lines = list(preparation_lines(view, status, partial(_measured, view.artifact)))
        if not lines:
            return
        log = log_directory(self._home, view.record) / PREPARATION_LOG
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def _instance(self, view: DeploymentView, revision: str, secrets: Mapping[str, str]) -> InstanceSpec:
        record, spec, environment, artifact = view.record, view.record.spec, view.environment, view.artifact
        serving = view.serving
        if serving is not None and serving.revision.name == revision:
            spec, secrets = serving.revision.spec, serving.revision.secrets
            environment, artifact = serving.environment, serving.artifact
        if not isinstance(environment, Built) or not isinstance(artifact, Path):
            raise TypeError("An instance is started only when its environment and its flow are there.")
        id = "".join(self._random.choices(_ID_LETTERS, k=12))
        collected = collector_variables(
            spec,
            destination=self._home.collected,
            endpoint=endpoint_name(record),
            deployment=record.name,
            source=record.id,
            instance=id,
        )
        return InstanceSpec(
            id=id,
            endpoint=endpoint_name(record),
            deployment=record.name,
            deployment_uid=record.uid,
            revision=revision,
            flow=artifact,
            python=environment.python,
            environment={**variables_of(spec, secrets), **collected, **self._identity(record, id)},
            request_settings=spec.request_settings,
            liveness=spec.liveness_probe,
            readiness=spec.readiness_probe,
            max_request_bytes=self._max_request_bytes,
            idle_s=spec.idle_s,
            log=log_directory(self._home, record) / f"{id}.log",
            container=_container(spec, environment),
            collected=self._home.collected / endpoint_name(record) / record.name if collected else None,
            size=size_kept(spec.instance_type),
        )

    def _identity(self, record: DeploymentRecord, instance_id: str) -> Mapping[str, str]:
        """By what an instance gets tokens of its endpoint's identity. Not a part of its revision: who an endpoint is
        may change without its instances."""
        if not self._identity_url:
            return {}
        return {IDENTITY_URL: self._identity_url, IDENTITY_KEY: self._instance_keys.of(record.uid, instance_id)}


def _container(spec: DeploymentSpec, environment: Built) -> Contained | None:
    if not environment.image:
        return None
    return Contained(environment.image, spec.base.inference)


def _measured(artifact: object) -> ModelFiles:
    """Of the files of a model that are in the store."""
    sizes = (
        [each.lstat().st_size for each in artifact.rglob("*") if not each.is_dir()]
        if isinstance(artifact, Path)
        else []
    )
    return ModelFiles(len(sizes), sum(sizes))
