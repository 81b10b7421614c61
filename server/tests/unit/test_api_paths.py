from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute

from flowstead.api.application import ROUTERS
from flowstead.api.paths import canonical
from flowstead.api.upload_uris import uploaded_at
from flowstead.errors import BadArgument
from flowstead.resources.names import Workspace

HERE = Workspace()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("/health", "/health"),
        (HERE.path.upper(), HERE.path),
        (
            HERE.path.lower() + "/ONLINEENDPOINTS/Foo/DEPLOYMENTS/Models/GETLOGS",
            HERE.endpoint("Foo") + "/deployments/Models/getLogs",
        ),
        (
            HERE.path + "/datastores/workspaceblobstore/listsecrets",
            HERE.path + "/datastores/workspaceblobstore/listSecrets",
        ),
        (HERE.path + "/models/Versions/versions/MODELS", HERE.model("Versions", "MODELS")),
        (
            "/Subscriptions/abc/PROVIDERS/microsoft.machinelearningservices/LOCATIONS/Local/MFEOPERATIONSSTATUS/oe:1",
            "/subscriptions/abc/providers/Microsoft.MachineLearningServices/locations/Local/mfeOperationsStatus/oe:1",
        ),
        ("/subscriptions/abc/unknownThing/Models", "/subscriptions/abc/unknownThing/Models"),
        ("/subscriptions", "/subscriptions"),
    ],
)  # fmt: skip
def test_fixed_words_get_their_exact_casing_and_names_stay(given: str, wanted: str) -> None:
    assert canonical(given, HERE) == wanted


LONG = (
    "azureml://subscriptions/{s}/resourcegroups/{g}/workspaces/{w}/datastores/workspaceblobstore/paths/LocalUpload/a/f"
)


@pytest.mark.parametrize(
    "uri",
    [
        LONG.format(s=HERE.subscription, g="FLOWSTEAD", w="Default"),
        "azureml://datastores/workspaceblobstore/paths/LocalUpload/a/f/",
        "https://127.0.0.1:8443/flowstead.blob.core.private/azureml-blobstore/LocalUpload/a/f",
        "https://any.test/azureml-blobstore/LocalUpload/a/f?api-version=1",
    ],
)
def test_addresses_of_uploads_are_understood(uri: str) -> None:
    assert uploaded_at(uri, HERE) == ("azureml-blobstore", "LocalUpload/a/f")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "https://any.test/azureml-blobstore/LocalUpload/a/f?sv=1&sig=x",
        "https://me:pw@any.test/azureml-blobstore/LocalUpload/a/f",
        "runs:/abc/model",
        LONG.format(s="other", g="flowstead", w="default"),
        "azureml://datastores/other/paths/x",
        "https://any.test/other-container/x",
        "https://any.test/",
    ],
)
def test_other_addresses_are_refused(uri: str) -> None:
    with pytest.raises(BadArgument, match="modelUri"):
        uploaded_at(uri, HERE)


def test_a_refusal_repeats_no_signature() -> None:
    with pytest.raises(BadArgument) as refused:
        uploaded_at("https://any.test/other/x?sig=topsecret", HERE)
    assert "topsecret" not in str(refused.value)


def test_the_fixed_words_of_every_route_are_known_in_any_case() -> None:
    """A route whose words are not in the list answers 404 to a client that spells them otherwise."""
    for router in ROUTERS:
        for route in router.routes:
            if not isinstance(route, APIRoute) or not route.path_format.startswith("/subscriptions"):
                continue
            path = re.sub(r"{[^}]+}", "xyz", route.path_format)
            assert canonical(path.lower(), HERE) == path
            assert canonical(path.upper().replace("XYZ", "xyz"), HERE) == path
