"""What the store hands out and takes: frozen records, never ORM rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from flowstead.resources.asset import AssetContainerSpec
from flowstead.resources.autoscale import AutoscaleSpec
from flowstead.resources.code import CodeVersionSpec
from flowstead.resources.connection import ConnectionSpec
from flowstead.resources.data import DataVersionSpec
from flowstead.resources.deployment import DeploymentSpec, DeploymentStatus
from flowstead.resources.endpoint import EndpointSpec, EndpointStatus
from flowstead.resources.environment import EnvironmentVersionSpec
from flowstead.resources.flow import FlowSpec, FlowVersionSpec
from flowstead.resources.identity import IdentitySpec
from flowstead.resources.model import ModelVersionSpec
from flowstead.resources.operation import OperationState
from flowstead.resources.role import RoleAssignmentSpec, RoleSpec

Spec = TypeVar("Spec")
Status = TypeVar("Status")


@dataclass(frozen=True, eq=False)
class Kind(Generic[Spec, Status]):
    """One kind of resource. value: how rows name it; spoken: how messages do. status: NoneType for a kind that is done
    once it is written; the others are the reconciler's."""

    value: str
    spoken: str
    spec: type[Spec]
    status: type[Status]

    ENDPOINT: ClassVar[Kind[EndpointSpec, EndpointStatus]]
    DEPLOYMENT: ClassVar[Kind[DeploymentSpec, DeploymentStatus]]
    MODEL: ClassVar[Kind[AssetContainerSpec, None]]
    MODEL_VERSION: ClassVar[Kind[ModelVersionSpec, None]]
    DATA: ClassVar[Kind[AssetContainerSpec, None]]
    DATA_VERSION: ClassVar[Kind[DataVersionSpec, None]]
    CODE: ClassVar[Kind[AssetContainerSpec, None]]
    CODE_VERSION: ClassVar[Kind[CodeVersionSpec, None]]
    CONNECTION: ClassVar[Kind[ConnectionSpec, None]]
    ENVIRONMENT: ClassVar[Kind[AssetContainerSpec, None]]
    ENVIRONMENT_VERSION: ClassVar[Kind[EnvironmentVersionSpec, None]]
    FLOW: ClassVar[Kind[FlowSpec, None]]
    FLOW_VERSION: ClassVar[Kind[FlowVersionSpec, None]]
    IDENTITY: ClassVar[Kind[IdentitySpec, None]]
    AUTOSCALE_SETTING: ClassVar[Kind[AutoscaleSpec, None]]
    ROLE_DEFINITION: ClassVar[Kind[RoleSpec, None]]
    ROLE_ASSIGNMENT: ClassVar[Kind[RoleAssignmentSpec, None]]

    @property
    def reconciled(self) -> bool:
        return self.status is not NoneType


Kind.ENDPOINT = Kind("endpoint", "endpoint", EndpointSpec, EndpointStatus)
Kind.DEPLOYMENT = Kind("deployment", "deployment", DeploymentSpec, DeploymentStatus)
Kind.MODEL = Kind("model", "model", AssetContainerSpec, NoneType)
Kind.MODEL_VERSION = Kind("modelVersion", "model version", ModelVersionSpec, NoneType)
Kind.DATA = Kind("data", "data asset", AssetContainerSpec, NoneType)
Kind.DATA_VERSION = Kind("dataVersion", "data asset version", DataVersionSpec, NoneType)
Kind.CODE = Kind("code", "code asset", AssetContainerSpec, NoneType)
Kind.CODE_VERSION = Kind("codeVersion", "code asset version", CodeVersionSpec, NoneType)
Kind.CONNECTION = Kind("connection", "connection", ConnectionSpec, NoneType)
Kind.ENVIRONMENT = Kind("environment", "environment", AssetContainerSpec, NoneType)
Kind.ENVIRONMENT_VERSION = Kind("environmentVersion", "environment version", EnvironmentVersionSpec, NoneType)
Kind.FLOW = Kind("flow", "flow", FlowSpec, NoneType)
Kind.FLOW_VERSION = Kind("flowVersion", "flow version", FlowVersionSpec, NoneType)
Kind.IDENTITY = Kind("identity", "identity", IdentitySpec, NoneType)
Kind.AUTOSCALE_SETTING = Kind("autoscaleSetting", "autoscale setting", AutoscaleSpec, NoneType)
Kind.ROLE_DEFINITION = Kind("roleDefinition", "role definition", RoleSpec, NoneType)
Kind.ROLE_ASSIGNMENT = Kind("roleAssignment", "role assignment", RoleAssignmentSpec, NoneType)

AnyKind: TypeAlias = Kind[Any, Any]
KINDS: Mapping[str, AnyKind] = {
    kind.value: kind
    for kind in (
        Kind.ENDPOINT,
        Kind.DEPLOYMENT,
        Kind.MODEL,
        Kind.MODEL_VERSION,
        Kind.DATA,
        Kind.DATA_VERSION,
        Kind.CODE,
        Kind.CODE_VERSION,
        Kind.CONNECTION,
        Kind.ENVIRONMENT,
        Kind.ENVIRONMENT_VERSION,
        Kind.FLOW,
        Kind.FLOW_VERSION,
        Kind.IDENTITY,
        Kind.AUTOSCALE_SETTING,
        Kind.ROLE_DEFINITION,
        Kind.ROLE_ASSIGNMENT,
    )
}
"""All kinds, by the name that rows have for them."""


@dataclass(frozen=True)
class Record(Generic[Spec, Status]):
    """A resource as it stands in the table.

    id: ARM id in its exact casing (looked up without regard to case). uid: random, given once, never to
    another resource, not even to one of the same name. generation: grows with each change of the
    specification; observed_generation: the one that status speaks of. deleting: the user wants it gone.
    Times: ISO 8601 with Z.
    """

    id: str
    kind: Kind[Spec, Status]
    parent_id: str
    name: str
    uid: str
    spec: Spec
    status: Status
    generation: int
    observed_generation: int
    etag: str
    deleting: bool
    created_at: str
    created_by: str
    modified_at: str
    modified_by: str


EndpointRecord: TypeAlias = Record[EndpointSpec, EndpointStatus]
DeploymentRecord: TypeAlias = Record[DeploymentSpec, DeploymentStatus]
AssetContainerRecord: TypeAlias = Record[AssetContainerSpec, None]
ModelVersionRecord: TypeAlias = Record[ModelVersionSpec, None]
DataVersionRecord: TypeAlias = Record[DataVersionSpec, None]
CodeVersionRecord: TypeAlias = Record[CodeVersionSpec, None]
ConnectionRecord: TypeAlias = Record[ConnectionSpec, None]
EnvironmentVersionRecord: TypeAlias = Record[EnvironmentVersionSpec, None]
FlowRecord: TypeAlias = Record[FlowSpec, None]
FlowVersionRecord: TypeAlias = Record[FlowVersionSpec, None]
IdentityRecord: TypeAlias = Record[IdentitySpec, None]
AutoscaleSettingRecord: TypeAlias = Record[AutoscaleSpec, None]
RoleDefinitionRecord: TypeAlias = Record[RoleSpec, None]
RoleAssignmentRecord: TypeAlias = Record[RoleAssignmentSpec, None]
AnyRecord: TypeAlias = Record[Any, Any]


@dataclass(frozen=True)
class Revision:
    """What a deployment's instances of one revision are started with. content_hash: of its model's files. secrets: in
    clear, by the names under which the store keeps them. kept_at: when it began to serve last, "" before it ever did.
    number: which of its deployment's it is, from 1. created_at, created_by: of the change that asked for it. error: why
    it could not be brought up, when that was tried last."""

    name: str
    spec: DeploymentSpec
    content_hash: str
    secrets: Mapping[str, str] = field(repr=False)
    kept_at: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)
    created_at: str = field(default="", compare=False)
    created_by: str = field(default="", compare=False)
    error: Mapping[str, str] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class AuditRecord:
    """One change. sequence: grows from record to record. by, principal_id: the name and object id of who made it.
    action: create | update | delete | remove | putSecret | removeSecret | regenerateKey | scale.
    before, after: the specification, which holds no secret; None where there was or is none.
    detail: what the specification cannot say, such as the name of a secret. at: ISO 8601 with Z.
    operation_id: of the operation that carries it out, "" for none; outcome: its state, with its error.
    """

    sequence: int
    at: str
    by: str
    principal_id: str
    action: str
    resource_id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    detail: str = ""
    request_id: str = ""
    operation_id: str = ""
    outcome: str = OperationState.SUCCEEDED
    error: Mapping[str, str] | None = None


@dataclass(frozen=True)
class AuditQuery:
    """Which audit records; what is "" asks for nothing. resource_id: it and what lies below it. by: a principal's name
    or object id. outcome: as of an operation. since, until: ISO 8601 with Z, since included, until not. before: only
    records older than that one.
    """

    resource_id: str = ""
    by: str = ""
    action: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""
    before: int | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened, for those who follow. type: resourceChanged | operationProgressed."""

    sequence: int
    at: str
    type: str
    resource_id: str
    data: Mapping[str, Any]
