"""Whatever a file holds, it is read or refused by file and line; nothing else happens."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from flowstead.azure_yaml import (
    Document,
    read_connection,
    read_data,
    read_deployment,
    read_endpoint,
    read_environment,
    read_model,
)
from flowstead.azure_yaml.connection_types import TYPES
from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.overrides import replaced, steps_of
from flowstead.azure_yaml.role import read_role
from flowstead.azure_yaml.tree import tree_of
from flowstead.errors import BadArgument

MANY = 20 if os.environ.get("FLOWSTEAD_TEST_COUNTS") == "full" else 1
READERS: dict[str, Callable[[Document], Any]] = {
    "online-endpoint": read_endpoint,
    "online-deployment": read_deployment,
    "model": read_model,
    "environment": read_environment,
    "data": read_data,
    "connection": read_connection,
    "role": read_role,
}
KEYS = re.findall(
    r"\S+",
    """
    $schema name version path type description tags properties model environment code_configuration code
    scoring_script environment_variables instance_type instance_count request_settings request_timeout_ms
    liveness_probe period scale_settings data_collector collections sampling_rate rolling_rate request_logging
    capture_headers enabled data client_id image conda_file build dockerfile_path inference_config liveness_route
    port python_requirements_txt dependencies auth_mode identity user_assigned_identities resource_id traffic
    mirror_traffic credentials key keys api_key api_base endpoint azure_endpoint metadata secrets configs artifact
    is_shared target account_name container_name one_lake_workspace_name stage flavors datastore blue a.b
    Name roleName Actions notActions AssignableScopes permissions
    """,
)
WORDS = (
    *TYPES,
    "api_key",
    "custom_keys",
    "azureml:a:1",
    "azureml:a@latest",
    "azureml://registries/r/x",
    "uri_file",
    ".",
)
SCALARS = some.one_of(
    some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=5), some.sampled_from(WORDS)
)
TREES = some.recursive(
    SCALARS,
    lambda inner: some.one_of(
        some.lists(inner, max_size=3), some.dictionaries(some.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("kind", READERS)
@given(top=some.dictionaries(some.sampled_from(KEYS), TREES, max_size=10))
@settings(max_examples=30 * MANY, deadline=None)
def test_any_values_are_read_or_refused(kind: str, top: dict[str, Any]) -> None:
    text = yaml.safe_dump(top)
    try:
        READERS[kind](Document(tree_of(text, "any.yaml"), Path("any.yaml"), Path("/nonexistent")))
    except BadArgument as refused:
        assert str(refused).startswith("any.yaml:")
        assert refused.next_step


UP = "../../../../../.."
PATH_KEYS = ("path", "conda_file", "python_requirements_txt", "build.path", "build.dockerfile_path")


@pytest.mark.parametrize("written", ["\0", "~nobody-of-this-name/x", "x" * 5000, "loop", "loop/y", UP])
@pytest.mark.parametrize("key", PATH_KEYS)
def test_any_path_is_read_or_refused(key: str, written: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    kind = "model" if key == "path" else "environment"
    top = tree_of("{name: a, build: {path: .}}" if key == "build.dockerfile_path" else "{name: a}", "any.yaml")
    named = replaced(top, steps_of(key), Entry(written, written, "any.yaml:1", key))
    document = Document(named, None, tmp_path)
    if (kind, written) == ("model", UP):
        assert READERS[kind](document).path == (tmp_path / UP).resolve(), "a flow may lie anywhere"
        return
    with pytest.raises(BadArgument, match="any.yaml:1"):
        READERS[kind](document)


@given(text=some.text(alphabet="ab:-[]{}&*!<>|'\"#? \n,0.~%@", max_size=60))
@settings(max_examples=200 * MANY, deadline=None)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        tree_of(text, "any.yaml")
    except BadArgument as refused:
        assert str(refused).startswith("any.yaml")


@given(path=some.text(alphabet='ab.[]0"', max_size=10), value=some.text(max_size=10))
@settings(max_examples=100 * MANY, deadline=None)
def test_any_set_is_taken_or_refused(path: str, value: str) -> None:
    document = Document(tree_of("a: [1, {b: 2}]\nb: {a.b: 3}\n", "any.yaml"), None)
    try:
        document.with_value(path, value)
    except BadArgument as refused:
        assert str(refused).startswith(("--set", "any.yaml"))
