"""What the routes answer, as JSON Schema: by shape for resources and lists, by name for what is of one kind only.

A test sends requests of every kind to a real server and compares the answers with these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowstead.api.answer_schemas import PROPERTIES, SCHEMAS
from flowstead.api.context import SITE
from flowstead.api.paths import is_arm

Json = dict[str, Any]
_ITEM_METHODS = {"get": ("200",), "put": ("200", "201"), "patch": ("200",)}
_NONE = {"204": {"description": "There was none"}}
_DELETED: Json = {"200": {"description": "Deleted"}, **_NONE}
_HEADER: Json = {"required": True, "schema": {"type": "string"}}
_ACCEPTED: Json = {
    "description": "Begun; Azure-AsyncOperation and Location say where to ask how far it is",
    "headers": {"Azure-AsyncOperation": _HEADER, "Location": _HEADER, "Retry-After": _HEADER},
}
_RUNNING: Json = {
    "description": "Still at work; to be asked again",
    "headers": {"Location": _HEADER, "Retry-After": _HEADER},
}


def describe_answers(document: Json) -> None:
    """Give every operation the answers that it can have, instead of what the functions' signatures tell."""
    document["components"]["schemas"] |= SCHEMAS
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            if ".blob." in path:
                operation["responses"] = {**_BLOBS[operation["operationId"]], "default": _BLOB_REFUSED}
            elif operation["operationId"] in _BY_NAME:
                operation["responses"] = {**_BY_NAME[operation["operationId"]], "default": responses["default"]}
            elif is_arm(path):
                responses |= _by_shape(path, method, operation["operationId"], responses)


def _by_shape(path: str, method: str, operation: str, declared: Json) -> Json:
    """A path that ends in a name is a resource; the routes of lists are named so."""
    if any(list(each.get("content", {})) not in ([], ["application/json"]) for each in declared.values()):
        return {}  # bytes, archives and streams say what they are by themselves
    if method == "delete":
        return _DELETED
    is_item = path.endswith("}")
    if is_item and method in _ITEM_METHODS:
        schema = _resource(path)
        return {status: _json("The resource", schema) for status in _ITEM_METHODS[method]}
    if operation.startswith("list_") and method == "get":
        return {"200": _json("A page", _page_of(_resource(f"{path}/{{}}")))}
    return {}


def _resource(path: str) -> Json:
    """Any resource, or one whose properties are known by the words of its path."""
    words = "/".join(path.removeprefix(SITE).strip("/").split("/")[::2])
    base = _schema("Resource")
    if words not in PROPERTIES:
        return base
    return {"allOf": [base, {"type": "object", "properties": {"properties": PROPERTIES[words]}}]}


def _page_of(item: Json) -> Json:
    return {
        "type": "object",
        "required": ["value"],
        "properties": {
            "value": {"type": "array", "items": item},
            "nextLink": {"type": "string", "format": "uri", "description": "where the next page is, if there is one"},
        },
    }


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _events(description: str, schema: str) -> Json:
    """schema: of one event."""
    return {"description": description, "content": {"text/event-stream": {"schema": _schema(schema)}}}


def _named(description: str, schema: str) -> Json:
    return _json(description, _schema(schema))


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _blob(description: str, media: str = "") -> Json:
    """media: of the body, "" for an answer without one."""
    return {"description": description, "content": {media: {}}} if media else {"description": description}


_BLOB_REFUSED = _blob("Refused or failed", "application/xml")
_UNCHANGED = {"304": _blob("It is what the caller has")}
_BLOBS: Mapping[str, Json] = {
    "list_container": {"200": _blob("Names, page by page", "application/xml")},
    "head_container": {"200": _blob("It can be written to")},
    "put_container": {"409": _blob("It is there as soon as it is written to", "application/xml")},
    "put_blob": {"201": _blob("Stored")},
    "get_blob": {
        "200": _blob("The file", "application/octet-stream"),
        "206": _blob("The part that was asked for", "application/octet-stream"),
        **_UNCHANGED,
    },
    "head_blob": {"200": _blob("It is there, with its metadata"), **_UNCHANGED},
    "delete_blob": {"202": _blob("Removed")},
}
_OF_ROLES = "/subscriptions/{}/providers/Microsoft.Authorization"
_ASSIGNMENT = _json("What was taken away", _resource(_OF_ROLES + "/roleAssignments/{}"))
_PRINCIPAL = _json("The principal", _resource("/subscriptions/{}/providers/Flowstead.Access/principals/{}"))
_WORKSPACES = {"200": _json("All", _page_of(_schema("Workspace")))}
_UPLOAD = {"200": _named("A container of its own, and a signature for it", "PendingUpload")}
_BY_NAME: Mapping[str, Json] = {
    "get_subscription": {"200": _named("The subscription", "Subscription")},
    "delete_endpoint": {"202": _ACCEPTED, **_NONE},
    "delete_deployment": {"202": _ACCEPTED, **_NONE},
    "stop_deployment": {"202": _ACCEPTED},
    "start_deployment": {"202": _ACCEPTED},
    "reset_principal_secret": {"200": _PRINCIPAL},
    "revoke_principal_tokens": {"200": _PRINCIPAL},
    "delete_role_assignment": {"200": _ASSIGNMENT, **_NONE},
    "delete_role_assignment_at_root": {"200": _ASSIGNMENT, **_NONE},
    "delete_role_definition": {"200": _json("What was deleted", _resource(_OF_ROLES + "/roleDefinitions/{}")), **_NONE},
    "get_workspace": {"200": _named("The workspace", "Workspace")},
    "list_workspaces_of_resource_group": _WORKSPACES,
    "list_workspaces_of_subscription": _WORKSPACES,
    "operation_status": {"200": _named("How far it is", "Operation")},
    "operation_result": {"200": _named("It has succeeded", "Operation"), "202": _RUNNING},
    "list_keys": {"200": _named("Both keys", "Keys")},
    "regenerate_keys": {"202": _ACCEPTED},
    "roll_back": {"202": _ACCEPTED},
    "endpoint_token": {"200": _named("A token", "EndpointToken")},
    "session_endpoint_token": {"200": _named("A token", "EndpointToken")},
    "get_logs": {"200": _named("The end of the logs", "Logs")},
    "list_datastore_secrets": {"200": _named("A signature", "SasSecret")},
    "list_connection_secrets": {"200": _named("With its credentials", "Resource")},
    "list_skus": {"200": _json("All", _page_of(_schema("Sku")))},
    "list_usage": {"200": _json("All", _page_of(_schema("Usage")))},
    "plan_changes": {"200": _named("What would happen", "Plan")},
    "collect_garbage": {"200": _named("What was removed, or would be", "Garbage")},
    "show_master_key": {"200": _named("Which it is", "MasterKey")},
    "rotate_master_key": {"200": _named("Which it is now", "MasterKey")},
    "show_issuer_keys": {"200": _named("Which they are", "IssuerKeys")},
    "rotate_issuer_key": {"200": _named("Which they are now", "IssuerKeys")},
    "follow_logs": {"200": _events("What was written, and what is", "LogEvent")},
    "follow_events": {"200": _events("Server-sent events", "Event")},
    "test_flow": {"200": _events("What happens, as it does", "FlowTestEvent")},
    "build_environment": {"200": _events("What is said while it is built", "EnvironmentBuildEvent")},
    "get_environment_build": {
        "200": _json("How it is", _resource(f"{SITE}/environments/{{}}/versions/{{}}/build/{{}}"))
    },
    "put_connection": {"200": _named("The connection, new or changed", "Resource")},
    "put_flow_file": {"200": _named("The file", "FlowFile"), "201": _named("The file", "FlowFile")},
    "list_flow_files": {"200": _json("All", _page_of(_schema("FlowFile")))},
    "get_model_flow": {
        "200": _json("What the flow takes, gives and uses", _resource(f"{SITE}/models/{{}}/versions/{{}}/flow/{{}}"))
    },
    "validate_flow": {"200": _named("What is wrong with it, and what it takes and gives", "Examined")},
    "list_flow_folders": {"200": _named("All", "FlowFolders")},
    "import_flow_folder": {"200": _named("The flow", "Resource")},
    "import_flow": {"200": _named("The flow", "Resource")},
    "restore_flow_version": {"200": _named("The flow", "Resource")},
    "start_model_upload": _UPLOAD,
    "start_environment_upload": _UPLOAD,
    "start_data_asset_upload": _UPLOAD,
    "start_code_asset_upload": _UPLOAD,
    "cloud_metadata": {"200": _json("The clouds, one", {"type": "array", "items": _schema("Cloud")})},
    "openid_configuration": {"200": _named("Where to sign in", "OpenIdConfiguration")},
    "signing_keys": {"200": _named("The issuer's public keys", "SigningKeys")},
    "identity_token": {"200": _named("A token", "IdentityToken")},
    "certificate_authority": {"200": _blob("The certificate", "application/x-pem-file")},
    "server_health": {"200": _named("It answers", "Health")},
    "sign_in": {"200": _named("Signed in; the cookie comes with it", "Caller")},
    "sign_out": {"204": {"description": "Signed out"}},
    "show_session": {"200": _named("Who is calling", "Caller")},
    "list_own_permissions": {"200": _json("All", _page_of(_schema("HeldPermission")))},
    "list_sessions": {"200": _json("All", _page_of(_schema("BrowserSession")))},
    "end_session": {"204": {"description": "Ended"}},
    "make_sign_in_link": {"201": _named("A link", "SignInLink")},
    "token": {
        "200": _named("A token", "Token"),
        "400": _named("Refused, as OAuth 2.0 has it", "OAuthError"),
        "401": _named("Wrong credentials", "OAuthError"),
        "429": _named("Too many attempts", "OAuthError"),
        "503": _named("The external issuer does not answer", "OAuthError"),
    },
}
