"""The served document, made ready for stories: few names and bodies of which most are taken, and links that say what
can be done with what an answer gives. They are said here and not in the served document, which names no values."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from flowstead.resources.built_in_roles import CONTRIBUTOR, READER
from server.tests.component.story_world import ASSIGNMENT, BLOB, CONDA, IMAGE, ROLE, StoryWorld

Json = dict[str, Any]

NAMES: Mapping[str, list[str]] = {
    "endpoint": ["chat", "tokens", "other"],
    "deployment": ["blue", "broken", "green"],
    "connection": ["llm", "search"],
    "flow": ["draft", "sketch"],
    "version": ["1", "2"],
    "folder": ["lying", "gone"],
    "principal": ["alice", "bob"],
    "identity": ["worker", "another"],
    "setting": ["by-cpu", "by-day"],
    "assignment": [ASSIGNMENT, "00000000-0000-0000-0000-0000000000a2"],
    "role": [ROLE, "00000000-0000-0000-0000-0000000000c2"],
    "datastore": ["workspaceblobstore"],
    "container": ["azureml-blobstore"],
}
"""Of most there is one before the story begins and one that is not there: so one request meets what another made."""
_NAMED_BY_KIND = {
    "models": ["flow", "spare", "thing"],
    "codes": ["script", "thing"],
    "data": ["rows", "thing"],
    "environments": ["pinned", "thing"],
    "registries": ["flowstead"],
    "storageAccounts": ["flowstead"],
}
_PATHS = {"flows": ["flow.dag.yaml", "sub/a.py"], "blob": [BLOB, "LocalUpload/story/two.txt"]}
FOLLOWED = ("operation_status", "operation_result", "get_audit_record", "list_container", "head_container",
            "put_container", "get_blob", "put_blob", "head_blob", "delete_blob", "end_session")  # fmt: skip
"""What nobody asks for but after another answer, which names it or opens it."""
_ENTRY = "get_workspace"
_OPERATION = {"operation": r"$response.header.Azure-AsyncOperation#regex:/(oe:[0-9a-f-]+)$"}
SIGNATURE = "signature"
"""A parameter of the blob routes in stories: the query string, or the address with it, that another answer gave."""


def with_names(document: Json, world: StoryWorld) -> Json:
    """The document, with the names of what there is in the paths; nothing else is narrowed."""
    told = copy.deepcopy(document)
    for path, operations in told["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    _narrow_parameter(path, parameter, world)
    return told


def for_stories(document: Json, world: StoryWorld) -> Json:
    told = copy.deepcopy(document)
    _bind_workspace(told, world)
    _narrow_bodies(told, world)
    for path, operations in told["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                _narrow_parameter(path, parameter, world)
            if ".blob." in path:
                operation["parameters"] += _blob_parameters(operation["operationId"])
    for source, status, name, link in _links(told["paths"]):
        source["responses"][status].setdefault("links", {})[name] = link
    return told


def _bind_workspace(told: Json, world: StoryWorld) -> None:
    """The one workspace's names stand in the paths: its lists are where a story can begin."""
    here = world.api.workspace
    known = {"subscription": here.subscription, "group": here.resource_group, "workspace": here.name}
    known |= {"tenant": world.api.access.tenant_id, "location": "local"}
    bound = {}
    for path, operations in told["paths"].items():
        for operation in operations.values():
            parameters = operation.get("parameters", [])
            operation["parameters"] = [each for each in parameters if each["name"] not in known]
        for name, value in known.items():
            path = path.replace(f"{{{name}}}", value)
        bound[path] = operations
    told["paths"] = bound


def _narrow_parameter(path: str, parameter: Json, world: StoryWorld) -> None:
    name, here = parameter["name"], world.api.workspace
    if parameter["in"] == "path":
        values = NAMES.get(name)
        if name == "below":
            values = [here.subscription, here.path.removeprefix("/subscriptions/")]
        elif name == "name":
            values = next(values for word, values in _NAMED_BY_KIND.items() if f"/{word}/" in path)
        elif name == "path":
            values = _PATHS["blob" if ".blob." in path else "flows"]
        if values is not None:
            parameter["schema"] = {"type": "string", "enum": values}
    elif name in _OPTIONAL:
        parameter["schema"] = {"enum": _OPTIONAL[name]}


_OPTIONAL: Mapping[str, list[Any]] = {
    "If-Match": ["*"],
    "If-None-Match": ['"another"'],
    "version": ["1"],
    "mode": ["merge", "replace"],
    "resource": ["", "onlineEndpoints/chat"],
    "principal": ["", "owner"],
    "action": ["", "create"],
    "since": ["", "2026-01-01T00:00:00Z"],
    "until": ["", "2099-01-01T00:00:00Z"],
    "$skipToken": ["", "1000"],
    "category": ["", "Custom"],
    "connection": ["", "llm"],
    "$filter": ["atScope()"],
}


def _blob_parameters(operation: str) -> Iterator[Json]:
    """What Azure's own reference says of these routes and ours leaves to it."""
    yield {"name": SIGNATURE, "in": "query", "required": True, "schema": {"enum": ["sig=wrong"]}}
    if operation == "list_container":
        yield {"name": "restype", "in": "query", "required": True, "schema": {"enum": ["container"]}}
        yield {"name": "comp", "in": "query", "required": True, "schema": {"enum": ["list"]}}
        yield {"name": "prefix", "in": "query", "required": True, "schema": {"enum": ["LocalUpload/"]}}
    if operation == "head_container":
        yield {"name": "prefix", "in": "query", "required": True, "schema": {"enum": ["LocalUpload/"]}}
    if operation in ("get_blob", "head_blob"):
        yield {"name": "If-None-Match", "in": "header", "schema": {"enum": ['"another"', "*"]}}
    if operation == "get_blob":
        yield {"name": "Range", "in": "header", "schema": {"enum": ["bytes=0-3"]}}


def _narrow_bodies(told: Json, world: StoryWorld) -> None:
    """Values that are not refused at once, where the description cannot say which these are."""
    schemas = told["components"]["schemas"]
    for place, values in _bodies(world).items():
        schema, _, field = place.partition(".")
        if field:
            schemas[schema]["properties"][field] = {"enum": values}
        else:
            schemas[schema] = {"enum": values}
    for operations in told["paths"].values():
        for operation in operations.values():
            own = _OWN_BODIES.get(operation["operationId"])
            if own is not None:
                for content in operation["requestBody"]["content"].values():
                    content["schema"] = {"enum": own}


A_FLOW = "a flow"
"""Stands for the bytes of an archive with a flow."""
_OWN_BODIES: Mapping[str, list[Any]] = {
    "patch_endpoint": [{"tags": {"a": "b"}}, {"properties": {"description": "other"}}],
    "patch_deployment": [{"sku": {"capacity": 2}}, {"properties": {"description": "other"}}],
    "patch_identity": [{"tags": {"a": "b"}}, {"properties": {"application": None}}],
    "patch_autoscale_setting": [{"tags": {"a": "b"}}, {"properties": {"enabled": False}}],
    "patch_connection": [{"properties": {"target": "https://llm.test"}}, {"properties": {"metadata": {"a": 1}}}],
    "import_flow": [A_FLOW, "no archive"],
}


_APPLICATION = {"authority": "https://login.test", "tenantId": "elsewhere", "clientId": "theirs"}


def _bodies(world: StoryWorld) -> dict[str, list[Any]]:
    key = {"category": "Custom", "authType": "CustomKeys", "credentials": {"keys": {"a": "b"}}}
    secret = {"grant_type": "client_credentials", "client_id": world.client_id, "client_secret": world.client_secret}
    scope = f"{world.api.access.audience}/.default"
    return {
        "EndpointBody.location": ["local"],
        "EndpointBody.identity": [
            {"type": "SystemAssigned"},
            {"type": "UserAssigned", "userAssignedIdentities": {world.api.workspace.identity("worker"): {}}},
        ],
        "EndpointProperties.authMode": ["Key", "AMLToken", "AADToken"],
        "EndpointProperties.traffic": [None, {}, {"blue": 100}],
        "EndpointProperties.mirrorTraffic": [None, {}],
        "EndpointProperties.publicNetworkAccess": ["Enabled"],
        "EndpointProperties.compute": [None],
        "EndpointProperties.keys": [None],
        "KeyBody.keyType": ["Primary", "Secondary"],
        "KeyBody.keyValue": [None],
        "DeploymentBody.location": ["local"],
        "DeploymentBody.sku": [None, {"capacity": 1}, {"capacity": 2}],
        "DeploymentProperties.model": [world.model],
        "DeploymentProperties.environmentId": [None, world.environment],
        "DeploymentProperties.environmentVariables": [{}, {"A": "1"}, {"API_KEY": "hidden"}],
        "DeploymentProperties.instanceType": [None],
        "DeploymentProperties.codeConfiguration": [None],
        "DeploymentProperties.scaleSettings": [None],
        "DeploymentProperties.requestSettings": [None, {"requestTimeout": "PT30S"}],
        "DeploymentProperties.dataCollector": [None, {"collections": {"model_inputs": {"dataCollectionMode": True}}}],
        "DeploymentProperties.endpointComputeType": ["Managed"],
        "ConnectionBody": [{"properties": key}, {"properties": {**key, "target": "https://llm.test"}}],
        "ModelVersionProperties.modelUri": [world.uri],
        "CodeVersionProperties.codeUri": [world.code_uri],
        "DataVersionProperties.dataUri": [world.data_uri],
        "DataVersionProperties.dataType": ["uri_folder"],
        "EnvironmentVersionBody": [
            {"properties": {"image": IMAGE, "condaFile": CONDA}},
            {"properties": {"image": IMAGE}},
        ],
        "PrincipalProperties.type": ["User", "ServicePrincipal"],
        "IdentityProperties.application": [None, dict(_APPLICATION)],
        "AutoscaleSettingBody": [
            {"location": "local", "properties": world.setting(each)} for each in ("blue", "broken")
        ],
        "RoleBody": [{"properties": world.role(name)} for name in ("Story", "Another")],
        "AssignmentBody": [{"properties": world.assignment(role)} for role in (READER, CONTRIBUTOR)],
        "IdentityTokenBody": [{"resource": world.api.access.audience}],
        "FlowProperties.template": [None, ""],
        "FlowProperties.isScratch": [False],
        "FlowTestBody": [{"inputs": {}}],
        "RollbackBody.revision": [None, 1, 9],
        "LogsBody.containerType": ["InferenceServer", "StorageInitializer"],
        "SecretsBody": [{}, {"expireAfterHours": 1}],
        "PlanBody": [{"resources": [{"id": "onlineEndpoints/new", "body": {"properties": {"authMode": "Key"}}}]}],
        "SignInBody": [{"token": world.api.token()}],
        "Body_token": [{**secret, "scope": scope}, {**secret, "scope": f"{scope} offline_access"}],
    }


def _links(paths: Json) -> Iterator[tuple[Json, str, str, Json]]:
    """(operation, status of its answer, name, link) of each."""
    by_id = {operation["operationId"]: operation for item in paths.values() for operation in item.values()}
    entry = by_id[_ENTRY]
    for target in by_id:
        if target not in FOLLOWED and target != _ENTRY:
            yield entry, "200", f"then-{target}", {"operationId": target}
    for path, item in paths.items():
        if "put" in item and ".blob." not in path:
            yield from _from_put(paths, path, item["put"])
        for operation in item.values():
            yield from _from_headers(item, operation)
    for source, status, target, parameters in _NAMED:
        link = {"operationId": target, "parameters": dict(parameters)}
        yield by_id[source], status, f"to-{target}", link


def _from_put(paths: Json, path: str, put: Json) -> Iterator[tuple[Json, str, str, Json]]:
    """What was made is shown, changed, acted upon and deleted, with all that lies below it."""
    names = {part[1:-1]: f"$request.path.{part[1:-1]}" for part in path.split("/") if part.startswith("{")}
    for other, item in paths.items():
        if other == path or other.startswith(f"{path}/"):
            for operation in item.values():
                for status in put["responses"].keys() & {"200", "201"}:
                    target = operation["operationId"]
                    yield put, status, f"made-{target}", {"operationId": target, "parameters": names}


def _from_headers(item: Json, operation: Json) -> Iterator[tuple[Json, str, str, Json]]:
    id, statuses = operation["operationId"], [each for each in operation["responses"] if each in ("200", "201", "202")]
    if id in _LONG_RUNNING:
        for status in statuses:
            for target in ("operation_status", "operation_result"):
                yield operation, status, f"how-far-{target}", {"operationId": target, "parameters": _OPERATION}
    if id in ("get_endpoint", "get_deployment", "get_connection", "get_model", "get_flow", "get_autoscale_setting"):
        names = {
            each["name"]: f"$request.path.{each['name']}" for each in operation["parameters"] if each["in"] == "path"
        }
        for method in ("put", "patch", "delete"):
            if method in item:
                target = item[method]["operationId"]
                parameters = {**names, "If-Match": "$response.header.ETag"}
                yield operation, "200", f"as-it-was-{target}", {"operationId": target, "parameters": parameters}


_LONG_RUNNING = ("put_endpoint", "patch_endpoint", "delete_endpoint", "regenerate_keys", "put_deployment",
                 "patch_deployment", "delete_deployment", "stop_deployment", "start_deployment",
                 "roll_back")  # fmt: skip
_SAS = {SIGNATURE: "$response.body#/sasToken"}
_PENDING = {SIGNATURE: "$response.body#/blobReferenceForConsumption/credential/sasUri"}
_SAME = {SIGNATURE: f"$request.query.{SIGNATURE}", "container": "$request.path.container"}
_SAME_BLOB = {**_SAME, "path": "$request.path.path"}
_FIRST = "$response.body#/value/0/name"
_BLOB_ROUTES = ("get_blob", "head_blob", "put_blob", "delete_blob")
_UPLOADS = ("start_model_upload", "start_code_asset_upload", "start_data_asset_upload", "start_environment_upload")
_NAMED: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    ("list_audit_records", "200", "get_audit_record", {"record": _FIRST}),
    ("list_endpoints", "200", "get_endpoint", {"endpoint": _FIRST}),
    ("list_flow_versions", "200", "restore_flow_version", {"flow": "$request.path.flow", "version": _FIRST}),
    ("sign_in", "200", "end_session", {"id": "$response.body#/session/id"}),
    ("list_sessions", "200", "end_session", {"id": "$response.body#/value/0/id"}),
    ("list_notifications", "200", "operation_status", {"operation": _FIRST}),
    *(
        ("list_datastore_secrets", "200", target, _SAS)
        for target in ("get_blob", "head_blob", "put_blob", "list_container", "head_container", "put_container")
    ),
    *((source, "200", "put_blob", _PENDING) for source in _UPLOADS),
    *(("put_blob", "201", target, _SAME_BLOB) for target in _BLOB_ROUTES),
    ("put_blob", "201", "list_container", _SAME),
)
