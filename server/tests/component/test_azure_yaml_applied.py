"""The bodies that Azure ML's files become are taken by the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead.azure_yaml import document_of, read_connection, read_document, shown_connection
from flowstead.testing.in_process_api import InProcessApi

CONNECTIONS = sorted((Path(__file__).parent.parent / "azure_ml" / "connections").glob("*.yaml"))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path_factory.mktemp("api") / "home") as api:
        yield api


@pytest.mark.parametrize("file", CONNECTIONS, ids=lambda file: file.stem)
def test_a_connection_of_each_type_is_kept_and_what_is_shown_of_it_changes_nothing(
    api: InProcessApi, file: Path
) -> None:
    path = f"connections/{file.stem}"
    made = api.call("PUT", path, read_connection(read_document(file)).body)
    assert made.status_code == 200, made.text
    before = told(api, path)
    same = read_connection(document_of(shown_connection(api.call("GET", path).json()), file.stem)).body
    assert api.call("PATCH", path, same).status_code == 200
    assert told(api, path) == before


def told(api: InProcessApi, path: str) -> dict[str, Any]:
    """All that is kept, secrets too; a null in the metadata is as good as nothing."""
    properties: dict[str, Any] = api.call("POST", f"{path}/listsecrets").json()["properties"]
    metadata = {key: value for key, value in properties["metadata"].items() if value is not None}
    return {**properties, "metadata": metadata}
