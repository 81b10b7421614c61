"""JSON Schema of what the API answers. Objects may hold more than is said here: clients take what they know."""

from __future__ import annotations

from flowstead.api.autoscale_schemas import AUTOSCALE_SETTING
from flowstead.api.schema_words import (
    AMOUNT,
    COUNT,
    FLAG,
    OBJECT,
    TEXT,
    TEXTS,
    TIME,
    Json,
    listed,
    maybe,
    obj,
    one_of,
)

PROVISIONING = one_of("Creating", "Updating", "Scaling", "Deleting", "Succeeded", "Failed", "Canceled")
OUTCOME = one_of("InProgress", "Succeeded", "Failed", "Canceled")
FAILURE = obj({"code": TEXT, "message": TEXT})
_ADDRESS: Json = {"type": "string", "format": "uri"}
_BROWSER_SESSION = obj({"id": TEXT, "client": TEXT, "createdAt": TIME, "usedAt": TIME, "endsAt": TIME})
_SHARE: Json = {"type": "integer", "minimum": 0, "maximum": 100}
_SHARES: Json = {"type": "object", "additionalProperties": _SHARE}
_CHANGE = obj({"field": TEXT, "before": {}, "after": {}})
_REQUEST_SETTINGS = obj(
    {
        "requestTimeout": TEXT,
        "maxConcurrentRequestsPerInstance": COUNT,
        "maxQueueWait": TEXT,
        "queueLength": maybe(COUNT),
        "requestsPerSecond": COUNT,
    }
)
_PROBE = obj(
    {"initialDelay": TEXT, "period": TEXT, "timeout": TEXT, "successThreshold": COUNT, "failureThreshold": COUNT}
)
_CONDITION = obj({"type": TEXT, "status": FLAG, "reason": TEXT, "message": TEXT, "lastTransitionTime": TEXT})
_CONTAINER = obj(
    {"isArchived": FLAG, "tags": TEXTS, "properties": TEXTS}, {"latestVersion": maybe(TEXT), "nextVersion": maybe(TEXT)}
)
_VERSION = {"isArchived": FLAG, "isAnonymous": FLAG, "tags": TEXTS, "properties": TEXTS}

_NAMED = {"name": TEXT, "type": TEXT, "description": TEXT}
_SIGNATURE: Json = {
    "kind": TEXT,
    "inputs": listed(
        obj(
            {
                **_NAMED,
                "required": FLAG,
                "default": {},
                "isChatInput": FLAG,
                "isChatHistory": FLAG,
            }
        )
    ),
    "outputs": listed(obj({**_NAMED, "isChatOutput": FLAG, "evaluationOnly": FLAG})),
    "chat": maybe(obj({"input": maybe(TEXT), "history": maybe(TEXT), "output": maybe(TEXT)})),
    "messageFormat": one_of("basic", "openai-vision"),
    "connections": listed(obj({"name": TEXT, "usedBy": listed(TEXT), "required": FLAG})),
    "environmentVariables": listed(TEXT),
    "sample": OBJECT,
}
_IDENTITY = obj(
    {"tenantId": TEXT, "principalId": TEXT, "clientId": TEXT},
    {"application": obj({"authority": _ADDRESS, "tenantId": TEXT, "clientId": TEXT})},
)
_ASSIGNMENT = obj(
    {
        "scope": TEXT,
        "roleDefinitionId": TEXT,
        "principalId": TEXT,
        "principalType": TEXT,
        "createdOn": TIME,
        "updatedOn": TIME,
        "createdBy": TEXT,
        "updatedBy": TEXT,
    },
    {"description": maybe(TEXT)},
)
_ACTIONS = listed(TEXT)
_PERMISSION: dict[str, Json] = {
    "actions": _ACTIONS,
    "notActions": _ACTIONS,
    "dataActions": _ACTIONS,
    "notDataActions": _ACTIONS,
}
_ROLE = obj(
    {
        "roleName": TEXT,
        "type": one_of("BuiltInRole", "CustomRole"),
        "description": TEXT,
        "assignableScopes": listed(TEXT),
        "permissions": listed(obj(_PERMISSION)),
    }
)
PROPERTIES: dict[str, Json] = {
    "onlineEndpoints": obj(
        {
            "authMode": one_of("Key", "AMLToken", "AADToken"),
            "traffic": _SHARES,
            "mirrorTraffic": _SHARES,
            "publicNetworkAccess": TEXT,
            "properties": TEXTS,
            "provisioningState": PROVISIONING,
            "scoringUri": TEXT,
            "swaggerUri": TEXT,
        },
        {"description": TEXT, "requestsPerSecond": COUNT, "provisioningError": FAILURE},
    ),
    "onlineEndpoints/deployments": obj(
        {
            "model": TEXT,
            "environmentVariables": TEXTS,
            "instanceType": TEXT,
            "requestSettings": _REQUEST_SETTINGS,
            "livenessProbe": _PROBE,
            "readinessProbe": _PROBE,
            "properties": TEXTS,
            "endpointComputeType": one_of("Managed"),
            "scaleSettings": obj({"scaleType": TEXT}),
            "provisioningState": PROVISIONING,
            "state": one_of("Running", "Stopped"),
            "conditions": listed(_CONDITION),
        },
        {
            "environmentId": maybe(TEXT),
            "description": TEXT,
            "appInsightsEnabled": FLAG,
            "provisioningError": FAILURE,
            "scaling": obj({}, {"autoscaleSetting": TEXT, "reason": TEXT, "since": TIME, "refused": TEXT}),
        },
    ),
    "onlineDeployments": obj(
        {
            "endpoint": TEXT,
            "provisioningState": PROVISIONING,
            "state": one_of("Running", "Stopped"),
            "model": TEXT,
            "environmentId": maybe(TEXT),
            "instanceType": TEXT,
            "traffic": _SHARE,
            "mirrorTraffic": _SHARE,
            "instances": obj({"ready": COUNT, "asleep": COUNT, "wanted": COUNT}),
            "requestsLastHour": COUNT,
        },
        {"provisioningError": FAILURE},
    ),
    "onlineEndpoints/deployments/instances": obj(
        {"state": TEXT, "revision": TEXT, "restarts": COUNT},
        {
            "since": TIME,
            "isolation": TEXT,
            "cores": AMOUNT,
            "memoryBytes": COUNT,
            "gpus": COUNT,
            "enforcement": TEXT,
            "nextStartAt": TIME,
            "lastEnd": obj(
                {"at": TIME, "exitCode": {"type": "integer"}, "reason": TEXT, "message": TEXT}, {"signal": TEXT}
            ),
            "throttled": AMOUNT,
            "advice": TEXT,
        },
    ),
    "onlineEndpoints/deployments/revisions": obj(
        {
            "number": {"type": "integer", "minimum": 1},
            "state": one_of("Serving", "Target", "Failed", "Superseded"),
            "serving": FLAG,
            "wanted": FLAG,
            "createdAt": TIME,
            "createdBy": TEXT,
            "since": TIME,
            "model": TEXT,
            "instanceType": TEXT,
            "instanceCount": COUNT,
            "requestSettings": _REQUEST_SETTINGS,
            "changes": listed(_CHANGE),
        },
        {"environmentId": maybe(TEXT), "error": FAILURE},
    ),
    "models": _CONTAINER,
    "models/versions": obj({**_VERSION, "modelType": TEXT, "modelUri": TEXT, "flavors": OBJECT}),
    "environments": _CONTAINER,
    "environments/versions": obj({**_VERSION, "environmentType": TEXT, "osType": TEXT}),
    "environments/versions/build": obj(
        {"state": one_of("NotBuilt", "Building", "Succeeded", "Failed"), "log": TEXT}, {"error": FAILURE}
    ),
    "data": _CONTAINER,
    "data/versions": obj({**_VERSION, "dataType": one_of("uri_file", "uri_folder", "mltable"), "dataUri": TEXT}),
    "codes": _CONTAINER,
    "codes/versions": obj({**_VERSION, "codeUri": TEXT}),
    "models/versions/flow": obj(_SIGNATURE),
    "flows": obj(
        {"template": TEXT, "type": TEXT, "tags": TEXTS, "files": COUNT, "bytes": COUNT, "isScratch": FLAG},
        {"version": maybe(TEXT), "description": TEXT},
    ),
    "flows/versions": obj({"note": TEXT, "files": COUNT, "bytes": COUNT}),
    "connections": obj(
        {
            "category": TEXT,
            "authType": TEXT,
            "target": maybe(TEXT),
            "metadata": OBJECT,
            "credentialNames": listed(TEXT),
        }
    ),
    "connectionUses": obj(
        {
            "userId": TEXT,
            "userType": TEXT,
            "called": listed(TEXT),
            "by": listed(TEXT),
            "wanted": FLAG,
            "serving": FLAG,
        }
    ),
    "datastores": obj({"datastoreType": TEXT, "accountName": TEXT, "containerName": TEXT, "isDefault": FLAG}),
    "instanceTypes": obj(
        {
            "cores": AMOUNT,
            "memoryGiB": AMOUNT,
            "gpus": COUNT,
            "exceedsHost": FLAG,
            "quotaLeft": obj({"cores": AMOUNT, "instances": COUNT}),
        }
    ),
    "auditRecords": obj(
        {
            "time": TIME,
            "principal": TEXT,
            "principalId": TEXT,
            "action": TEXT,
            "resourceId": TEXT,
            "outcome": OUTCOME,
            "before": maybe(OBJECT),
            "after": maybe(OBJECT),
        },
        {"detail": TEXT, "requestId": TEXT, "operationId": TEXT, "error": FAILURE},
    ),
    "subscriptions/providers/principals": obj(
        {
            "type": TEXT,
            "principalId": TEXT,
            "clientId": TEXT,
            "tenantId": TEXT,
            "createdOn": TIME,
        },
        {"resourceId": TEXT, "clientSecret": TEXT},
    ),
    "subscriptions/resourceGroups/providers/userAssignedIdentities": _IDENTITY,
    "subscriptions/providers/userAssignedIdentities": _IDENTITY,
    "subscriptions/resourceGroups/providers/autoscaleSettings": AUTOSCALE_SETTING,
    "subscriptions/providers/autoscaleSettings": AUTOSCALE_SETTING,
    "subscriptions/providers/roleAssignments": _ASSIGNMENT,
    "providers/roleAssignments": _ASSIGNMENT,
    "subscriptions/providers/roleDefinitions": _ROLE,
    "providers/roleDefinitions": _ROLE,
    "notifications": obj(
        {
            "title": TEXT,
            "operation": TEXT,
            "resourceId": TEXT,
            "status": OUTCOME,
            "percentComplete": {"type": "integer", "minimum": 0, "maximum": 100},
            "phase": TEXT,
            "phaseTimes": {"type": "object", "additionalProperties": {"type": "number"}},
            "startTime": TIME,
            "stages": listed(obj({"name": TEXT, "status": OUTCOME, "startTime": TIME}, {"endTime": TIME})),
        },
        {"endTime": TIME, "error": FAILURE, "partOf": TEXT},
    ),
}
"""By the words of a path below the workspace; of what lies elsewhere, by those of the whole path."""

_PROBLEM = obj(
    {
        "severity": one_of("error", "warning"),
        "code": TEXT,
        "message": TEXT,
        "file": TEXT,
        "line": COUNT,
        "column": COUNT,
    }
)
_EXAMINED_FLOW = obj({**_SIGNATURE, "nodes": listed(obj({"name": TEXT, "type": TEXT, "aggregation": FLAG}))})
SCHEMAS: dict[str, Json] = {
    "Resource": obj(
        {"id": TEXT, "name": TEXT, "type": TEXT, "properties": OBJECT},
        {
            "location": TEXT,
            "kind": TEXT,
            "tags": maybe(TEXTS),
            "sku": obj({"name": TEXT}, {"capacity": COUNT}),
            "identity": obj({"type": TEXT}),
            "systemData": obj({"createdBy": TEXT, "createdAt": TIME, "lastModifiedBy": TEXT, "lastModifiedAt": TIME}),
        },
    ),
    "Subscription": obj({"id": TEXT, "subscriptionId": TEXT, "tenantId": TEXT, "displayName": TEXT, "state": TEXT}),
    "Workspace": obj({"id": TEXT, "name": TEXT, "type": TEXT, "location": TEXT, "properties": OBJECT}),
    "Operation": obj(
        {
            "id": TEXT,
            "name": TEXT,
            "status": OUTCOME,
            "startTime": TIME,
            "percentComplete": {"type": "integer", "minimum": 0, "maximum": 100},
            "resourceId": TEXT,
            "properties": obj({"phase": TEXT, "phaseTimes": OBJECT}),
        },
        {"endTime": TIME, "error": FAILURE},
    ),
    "Keys": obj({"primaryKey": TEXT, "secondaryKey": TEXT}),
    "EndpointToken": obj(
        {"accessToken": TEXT, "expiryTimeUtc": COUNT, "refreshAfterTimeUtc": COUNT, "tokenType": one_of("Bearer")}
    ),
    "Logs": obj({"content": TEXT}),
    "SasSecret": obj({"secretsType": one_of("Sas"), "sasToken": TEXT}),
    "Sku": obj(
        {
            "resourceType": TEXT,
            "sku": obj({"name": TEXT, "tier": TEXT}),
            "capacity": obj({"minimum": COUNT, "maximum": COUNT, "default": COUNT, "scaleType": TEXT}),
        }
    ),
    "Usage": obj(
        {
            "id": TEXT,
            "name": obj({"value": TEXT, "localizedValue": TEXT}),
            "unit": one_of("Count"),
            "currentValue": AMOUNT,
        },
        {"limit": COUNT},
    ),
    "Plan": obj(
        {
            "accepted": FLAG,
            "resources": listed(
                obj(
                    {"id": TEXT, "action": one_of("create", "overwrite", "unchanged", "refused")},
                    {
                        "changes": listed(_CHANGE),
                        "secretsOrRetry": FLAG,
                        "notChecked": listed(TEXT),
                        "refusal": obj(
                            {"code": TEXT, "message": TEXT, "status": COUNT, "mend": TEXT}, {"target": TEXT}
                        ),
                    },
                )
            ),
            "quota": obj(
                {"unit": one_of("cores"), "limit": COUNT, "taken": AMOUNT, "takenAfter": AMOUNT, "left": AMOUNT}
            ),
        }
    ),
    "Garbage": obj(
        {
            "dryRun": FLAG,
            "value": listed(
                obj(
                    {
                        "kind": one_of("upload", "content", "environment", "log"),
                        "name": TEXT,
                        "size": COUNT,
                        "reason": TEXT,
                    }
                )
            ),
            "bytes": COUNT,
        }
    ),
    "MasterKey": obj({"keyId": TEXT, "source": TEXT, "rotatedAt": TEXT, "secrets": COUNT, "finished": FLAG}),
    "IssuerKeys": obj(
        {
            "issuer": TEXT,
            "keyId": TEXT,
            "since": TIME,
            "rotatesAt": TIME,
            "former": listed(obj({"keyId": TEXT, "until": TIME})),
        }
    ),
    "PendingUpload": obj(
        {
            "pendingUploadId": TEXT,
            "pendingUploadType": one_of("TemporaryBlobReference", "None"),
            "blobReferenceForConsumption": obj(
                {
                    "blobUri": _ADDRESS,
                    "storageAccountArmId": TEXT,
                    "credential": obj({"credentialType": one_of("SAS"), "sasUri": _ADDRESS}),
                }
            ),
        }
    ),
    "Examined": obj({"valid": FLAG, "problems": listed(_PROBLEM), "flow": maybe(_EXAMINED_FLOW)}),
    "LogEvent": obj({"event": one_of("log"), "data": TEXT}),
    "Event": obj({"event": one_of("resourceChanged", "operationProgressed", "reset"), "data": TEXT}, {"id": TEXT}),
    "FlowTestEvent": obj(
        {
            "event": one_of("preparing", "ready", "nodeStarted", "log", "nodeFinished", "chunk", "outputs", "error"),
            "data": TEXT,
        }
    ),
    "FlowFolders": obj(
        {
            "directory": maybe(TEXT),
            "value": listed(
                obj(
                    {
                        "folder": TEXT,
                        "flow": TEXT,
                        "state": one_of("New", "Changed", "Unchanged", "Behind", "Refused"),
                        "files": COUNT,
                        "bytes": COUNT,
                    },
                    {"problem": TEXT},
                )
            ),
        }
    ),
    "EnvironmentBuildEvent": obj({"event": one_of("log", "built", "error"), "data": TEXT}),
    "FlowFile": obj({"path": TEXT, "size": COUNT, "etag": TEXT}, {"warning": TEXT}),
    "Cloud": obj(
        {
            "name": TEXT,
            "portal": _ADDRESS,
            "resourceManager": _ADDRESS,
            "authentication": obj(
                {"loginEndpoint": _ADDRESS, "audiences": listed(TEXT), "tenant": TEXT, "identityProvider": TEXT}
            ),
            "suffixes": obj({"storage": TEXT}),
        }
    ),
    "OpenIdConfiguration": obj(
        {
            "issuer": _ADDRESS,
            "token_endpoint": _ADDRESS,
            "authorization_endpoint": _ADDRESS,
            "device_authorization_endpoint": _ADDRESS,
            "jwks_uri": _ADDRESS,
            "token_endpoint_auth_methods_supported": listed(TEXT),
            "grant_types_supported": listed(TEXT),
            "response_types_supported": listed(TEXT),
            "subject_types_supported": listed(TEXT),
            "id_token_signing_alg_values_supported": listed(TEXT),
        }
    ),
    "SigningKeys": obj({"keys": listed(obj({"kty": TEXT, "kid": TEXT, "use": one_of("sig"), "alg": TEXT}))}),
    "Health": obj({"status": one_of("Healthy"), "version": TEXT}),
    "Token": obj({"token_type": one_of("Bearer"), "expires_in": COUNT, "access_token": TEXT}, {"refresh_token": TEXT}),
    "IdentityToken": obj(
        {
            "access_token": TEXT,
            "expires_on": COUNT,
            "refresh_on": COUNT,
            "resource": TEXT,
            "token_type": one_of("Bearer"),
            "client_id": TEXT,
        }
    ),
    "BrowserSession": _BROWSER_SESSION,
    "HeldPermission": obj({"scope": TEXT, "roleName": TEXT, **_PERMISSION}),
    "Caller": obj(
        {"principal": obj({"name": TEXT, "type": TEXT, "principalId": TEXT, "tenantId": TEXT}, {"issuer": TEXT})},
        {"session": _BROWSER_SESSION, "csrfToken": TEXT},
    ),
    "SignInLink": obj({"url": TEXT, "endsAt": TIME}),
    "OAuthError": obj({"error": TEXT, "error_description": TEXT}),
}
