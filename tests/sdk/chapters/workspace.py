"""Finding the cloud, signing in, and what is there before anything is made."""

from __future__ import annotations

from tests.sdk.traveller import Journey


def step_the_cloud_is_discovered(j: Journey) -> None:
    assert j.ml._base_url.rstrip("/") == j.settings["url"], j.ml._base_url


def step_the_workspace_is_there(j: Journey) -> None:
    workspace = j.ml.workspaces.get(j.settings["workspace"])
    assert workspace.name == j.settings["workspace"]
    assert workspace.location


def step_workspaces_are_listed(j: Journey) -> None:
    for scope in ("resource_group", "subscription"):
        assert [each.name for each in j.ml.workspaces.list(scope=scope)] == [j.settings["workspace"]], scope


def step_the_default_datastore_is_there(j: Journey) -> None:
    assert j.ml.datastores.get_default().name == "workspaceblobstore"
    assert [each.name for each in j.ml.datastores.list()] == ["workspaceblobstore"]
