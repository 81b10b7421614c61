"""What there is before a story begins: something of every kind, in every state that a reconciler can leave it in."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flowstead.access.signatures import sign
from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.environments.protocol import BuildFailed
from flowstead.resources.built_in_roles import OWNER, READER
from flowstead.resources.deployment import Condition, DeploymentStatus
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.principal import Principal
from flowstead.store.records import DeploymentRecord, Kind, Revision
from flowstead.testing.memory_environments import InMemoryEnvironments
from flowstead.testing.served_api import ServedApi

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"
IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest"
CONDA = "dependencies: [pip: [iniconfig]]"
NOT_TO_BE_BUILT = f"{FLOW}environment:\n  python_requirements_txt: requirements.txt\n"
NEEDS_A_PACKAGE = "no-such-package==1\n"
BLOBS = "/flowstead.blob.core.private/azureml-blobstore"
BLOB = "LocalUpload/story/one.txt"
FAILURE = {"code": "ResourceNotReady", "message": "An instance was not ready after 600 s."}
_KINDS: tuple[Kind[Any, Any], ...] = (
    Kind.MODEL, Kind.MODEL_VERSION, Kind.CODE, Kind.CODE_VERSION, Kind.DATA, Kind.DATA_VERSION, Kind.ENVIRONMENT,
    Kind.ENVIRONMENT_VERSION, Kind.CONNECTION, Kind.FLOW, Kind.FLOW_VERSION, Kind.IDENTITY, Kind.ROLE_DEFINITION,
    Kind.ROLE_ASSIGNMENT, Kind.ENDPOINT, Kind.DEPLOYMENT, Kind.AUTOSCALE_SETTING,
)  # fmt: skip
ASSIGNMENT = "00000000-0000-0000-0000-0000000000a1"
ROLE = "00000000-0000-0000-0000-0000000000c1"
SOMEBODY = "00000000-0000-0000-0000-00000000dddd"
"""Object id of a user whom only another tenant knows."""
_ROLES = "/providers/Microsoft.Authorization"
_AT = "2026-01-01T00:00:00+00:00"


def environments() -> InMemoryEnvironments:
    """Those of the story's flow fail to be built, so that trying it out ends at once."""
    return InMemoryEnvironments(failures={NEEDS_A_PACKAGE: BuildFailed("No such package.", "no-such-package")})


def archive() -> bytes:
    """A flow as a zip archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        opened.writestr("flow.dag.yaml", NOT_TO_BE_BUILT)
        opened.writestr("requirements.txt", NEEDS_A_PACKAGE)
    return packed.getvalue()


class StoryWorld:
    """uri: of an uploaded flow. model, environment: ids."""

    def __init__(self, api: ServedApi) -> None:
        self.api = api
        self.uri = api.upload({"flow.dag.yaml": FLOW})
        self.data_uri = api.upload({"rows.jsonl": "{}\n"}, place="LocalUpload/bb/data")
        self.code_uri = api.upload({"score.py": ""}, place="LocalUpload/cc/code")
        self.model = f"{api.workspace.path}/models/flow/versions/1"
        self.environment = f"{api.workspace.path}/environments/pinned/versions/1"
        credentials = json.loads(api.home.credentials.read_text())
        self.client_id, self.client_secret = credentials["client_id"], credentials["client_secret"]
        api.home.ca_certificate.parent.mkdir(parents=True, exist_ok=True)
        api.home.ca_certificate.write_text("as the HTTPS door's is served\n")
        self._settled = 0
        self.stranger = api.stranger()
        self.gone = replace(self.stranger, object_id=SOMEBODY, client_id=SOMEBODY)
        """Known to nobody any more."""
        self.revoked = self._owner_whose_tokens_ended()
        self._made: dict[str, str] = {}

    def seed(self) -> None:
        """All as it shall be, whatever the story before has made of it. What it has left alone is not made again."""
        kept = self._clear()
        for id, properties in self._plan():
            if id not in kept:
                self._put(id, properties)
                if id.endswith("/flows/draft"):
                    self._file("flow.dag.yaml", NOT_TO_BE_BUILT)
                    self._file("requirements.txt", NEEDS_A_PACKAGE)
        self.api.settle()
        self._observe()
        self._made = self._etags()
        signature = self.signature()
        self.api.call("PUT", f"{BLOBS}/{BLOB}?{signature}", token=None, content=b"0123456789").raise_for_status()
        self._sign_in()

    def _sign_in(self) -> None:
        """The owner, with a browser: whether a story does it in time, guesses before it decide, which slow it down."""
        sessions, owner = self.api.app.state.context.browser_sessions, self.api.store.principals.owner()
        if not sessions.of(owner):
            sessions.start(owner, client="story")

    def _plan(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and properties of each resource."""
        here = self.api.workspace
        yield here.model("flow", "1"), {"modelUri": self.uri}
        yield here.model("spare", "1"), {"modelUri": self.uri}
        yield f"{here.path}/codes/script/versions/1", {"codeUri": self.code_uri}
        yield here.data("rows", "1"), {"dataUri": self.data_uri}
        yield here.environment("pinned", "1"), {"image": IMAGE, "condaFile": CONDA}
        key = {"category": "Custom", "authType": "CustomKeys", "credentials": {"keys": {"token": "s3cret"}}}
        yield here.connection("llm"), key
        yield here.flow("draft"), {}
        yield here.identity("worker"), {}
        yield here.role_definition(ROLE), self.role("Story")
        yield here.principal("alice"), {}
        for scope in ("", here.path):
            yield f"{scope}{_ROLES}/roleAssignments/{ASSIGNMENT}", self.assignment(READER)
        yield here.endpoint("chat"), {"authMode": "Key"}
        yield here.endpoint("tokens"), {"authMode": "AMLToken"}
        for name in ("blue", "broken"):
            yield here.deployment("chat", name), {"model": self.model}
        yield here.autoscale_setting("by-cpu"), self.setting("blue")

    def _owner_whose_tokens_ended(self) -> Principal:
        """As it was before: its session is another one now, and its tokens name the old one."""
        id = "00000000-0000-0000-0000-00000000eeee"
        before = replace(self.stranger, object_id=id, client_id=id, name="revoked")
        self.api.store.principals.put(replace(before, session="another"))
        return self.api.granted(before, OWNER, "/")

    def role(self, name: str) -> dict[str, Any]:
        """Properties of a custom role."""
        permission = {"actions": ["Microsoft.MachineLearningServices/workspaces/read"]}
        return {"roleName": name, "permissions": [permission], "assignableScopes": [self.api.workspace.path]}

    def setting(self, deployment: str) -> dict[str, Any]:
        """Properties of an autoscale setting of a deployment of `chat`."""
        capacity = {"minimum": "1", "maximum": "2", "default": "1"}
        target = self.api.workspace.deployment("chat", deployment)
        return {"targetResourceUri": target, "profiles": [{"name": "all", "capacity": capacity, "rules": []}]}

    def assignment(self, role: str) -> dict[str, Any]:
        """Properties of an assignment of that role to somebody."""
        id = self.api.workspace.role_definition(role)
        return {"roleDefinitionId": id, "principalId": SOMEBODY, "principalType": "User"}

    def signature(self) -> str:
        return str(self.api.call("POST", "datastores/workspaceblobstore/listSecrets").json()["sasToken"])

    def instance_key(self) -> str:
        """Of an instance of the deployment blue, as it gets it."""
        with self.api.store.reading() as tx:
            blue = tx.find(Kind.DEPLOYMENT, self.api.workspace.deployment("chat", "blue"))
        key: str = self.api.app.state.context.instance_keys.of(*(_instance_name(blue) if blue else ("gone", "gone")))
        return key

    def state(self) -> tuple[dict[str, str], int, list[str]]:
        """What requests that are refused must leave as it is: resources, audit records, blobs."""
        with self.api.store.reading() as tx:
            audited = tx.audit(limit=1)[0].sequence
        blobs = [f"{each} {each.stat().st_mtime_ns}" for each in self.api.home.uploads.rglob("*") if each.is_file()]
        return self._etags(), audited, sorted(blobs)

    def token_for(self, audience: str) -> str:
        """The owner's, for another audience."""
        owner = self.api.store.principals.owner()
        assert owner is not None
        claims = {"tid": owner.tenant_id, "appid": owner.client_id}
        issuer, of = self.api.access.issuer, self.api.access.issuer_url
        return issuer.issue(issuer=of, audience=audience, subject=owner.object_id, claims=claims).text

    def bad_signatures(self, *, writes: bool) -> Iterator[tuple[str, str]]:
        """What is wrong with it, and the query string. writes: the request to refuse changes something."""
        good = self.signature()
        yield "none", ""
        yield "another signature", f"{good.partition('&sig=')[0]}&sig=AAAA"
        yield "longer than signed", good.replace("se=20", "se=21")
        yield "more than signed", good.replace("sp=r", "sp=dr")
        now, hour = self.api.clock.now(), timedelta(hours=1)
        yield "expired", self._sign(now - timedelta(seconds=1))
        yield "not yet", self._sign(now + 2 * hour, starts=now + hour)
        yield "of another container", self._sign(now + hour, container="another")
        yield "of another folder", self._sign(now + hour, prefixes=("LocalUpload/other/",))
        yield "of another key", self._sign(now + hour, key=b"another")
        if writes:
            yield "to be read only", self._sign(now + hour, permissions="rl")

    def _sign(self, expires: datetime, *, key: bytes | None = None, **values: Any) -> str:
        wanted = {"container": "azureml-blobstore", "prefixes": ("",), "permissions": "racwdl", **values}
        upload_key: bytes = self.api.app.state.context.upload_key
        return sign(key or upload_key, expires=expires, **wanted)

    def look(self) -> None:
        """What the reconciler would do now and then: bring to an end what runs, well or badly, or be busy elsewhere."""
        self._settled += 1
        way = self._settled % 3
        if way == 0:
            self.api.settle(ProvisioningState.FAILED, error=FAILURE)
        elif way == 1:
            self.api.settle()
            self._observe()

    def _clear(self) -> set[str]:
        """Remove what is not as it was made, with all that lies below it. The ids of what stays."""
        now = self._etags()
        changed = {id for id, etag in now.items() if self._made.get(id) != etag}
        gone = self._made.keys() - now.keys()
        spoilt = {id for id in now if any(f"{id}/".startswith(f"{each}/") for each in changed | gone)}
        with self.api.store.transaction() as tx:
            for id in sorted(spoilt, reverse=True):
                tx.remove(id)
            for principal in tx.principals.all():
                ours = principal.name in (self.stranger.name, self.revoked.name)
                if not (principal.is_owner or principal.resource_id or ours):
                    tx.principals.remove(principal.object_id)
        return set(self._etags())

    def _etags(self) -> dict[str, str]:
        """Of what stories may make or change. Grants to others than somebody are made by endpoints."""
        with self.api.store.reading() as tx:
            return {
                record.id: record.etag
                for kind in _KINDS
                for record in tx.list(kind)
                if "/environments/flowstead-runtime" not in record.id
                and (kind is not Kind.ROLE_ASSIGNMENT or record.spec.principal_id == SOMEBODY)
            }

    def _observe(self) -> None:
        """blue serves, by instances in all states; broken has failed."""
        seen: list[ObservedInstance] = []
        with self.api.store.transaction() as tx:
            for record in tx.list(Kind.DEPLOYMENT):
                broken = record.name == "broken"
                status = replace(_FAILED if broken else _SERVING, revision=f"r{record.generation}")
                if not broken:
                    status = replace(status, serving_revision="r0")
                    content = tx.get(Kind.MODEL_VERSION, record.spec.model).spec.content_hash
                    tx.keep_revision(record.id, Revision("r0", record.spec, content, {}))
                tx.put_status(record.id, status, generation=record.generation)
                seen += _instances(record)
        self.api.instances.post(seen)

    def _put(self, id: str, properties: dict[str, Any]) -> None:
        answer = self.api.call("PUT", id, {"properties": properties})
        assert answer.is_success, (id, answer.text)

    def _file(self, path: str, content: str) -> None:
        self.api.call("PUT", f"flows/draft/files/{path}", content=content.encode()).raise_for_status()


def _instance_name(record: DeploymentRecord, state: InstanceState = InstanceState.READY) -> tuple[str, str]:
    return record.uid, f"{record.uid[:8]}-{state.value.lower()}"


def _instances(record: DeploymentRecord) -> list[ObservedInstance]:
    since = timedelta(days=20_000).total_seconds()
    return [
        ObservedInstance(
            id=_instance_name(record, state)[1], endpoint="chat", deployment=record.name,
            deployment_uid=record.uid, revision="r0", state=state, address="", health_address="", log=Path("x"),
            restarts=number, started_at=since if number else 0.0,
        )
        for number, state in enumerate(InstanceState)
    ]  # fmt: skip


_HELD = (Condition("EnvironmentBuilt", True, "", "", _AT), Condition("ArtifactInPlace", True, "", "", _AT))
_SERVING = DeploymentStatus(
    provisioning_state=ProvisioningState.SUCCEEDED,
    conditions=(*_HELD, Condition("OldInstancesStopped", True, "", "", _AT)),
    phase="OldInstancesStopped",
    phase_times={"EnvironmentBuilt": 1.5},
)
_FAILED = DeploymentStatus(
    provisioning_state=ProvisioningState.FAILED,
    conditions=(*_HELD, Condition("InstancesReady", False, "ResourceNotReady", FAILURE["message"], _AT)),
    phase="InstancesReady",
    error=FAILURE,
)
