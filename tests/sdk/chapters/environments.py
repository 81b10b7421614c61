"""Environments of an image, a conda file and a build context."""

from __future__ import annotations

import json

from azure.ai.ml import load_environment
from azure.ai.ml.entities import BuildContext, Environment

from tests.sdk.traveller import IMAGE, INFERENCE, Journey


def step_an_environment_of_an_image(j: Journey) -> None:
    wanted = Environment(name="runtime", version="1", image=IMAGE, inference_config=INFERENCE)
    made = j.ml.environments.create_or_update(wanted)
    assert (made.image, made.inference_config.scoring_route.path) == (IMAGE, "/score"), made


def step_an_environment_of_a_conda_file(j: Journey) -> None:
    conda = {"name": "e", "dependencies": ["python=3.11", "pip", {"pip": ["python-slugify==8.0.4"]}]}
    (j.folder / "conda.yaml").write_text(json.dumps(conda))
    wanted = Environment(name="with-conda", image=IMAGE, conda_file=j.folder / "conda.yaml")
    made = j.ml.environments.create_or_update(wanted)
    assert made.version == "1"
    assert made.conda_file["dependencies"][-1] == {"pip": ["python-slugify==8.0.4"]}


def step_an_environment_of_a_build_context(j: Journey) -> None:
    context = j.folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY ./* /\nRUN pip install -r requirements.txt\n")
    (context / "requirements.txt").write_text("python-slugify==8.0.4\n")
    build = BuildContext(path=context)
    wanted = Environment(name="built", version="1", build=build, inference_config=INFERENCE)
    assert j.ml.environments.create_or_update(wanted).build.dockerfile_path == "Dockerfile"


def step_an_environment_without_a_version_gets_the_next(j: Journey) -> None:
    same = j.ml.environments.create_or_update(Environment(name="runtime", image=IMAGE, inference_config=INFERENCE))
    assert same.version == "1", same.version
    changed = j.ml.environments.create_or_update(Environment(name="runtime", image=IMAGE.replace("latest", "2024")))
    assert changed.version == "2", changed.version
    assert j.ml.environments.get("runtime", version="1").image == IMAGE


def step_environments_are_listed_and_found(j: Journey) -> None:
    assert {"runtime", "with-conda", "built"} <= {each.name for each in j.ml.environments.list()}
    assert j.ml.environments.get("runtime", label="latest").version == "2"
    assert {each.version for each in j.ml.environments.list("runtime")} == {"1", "2"}


def step_tags_and_description_of_a_version_change(j: Journey) -> None:
    for name in ("runtime", "with-conda", "built"):
        found = j.ml.environments.get(name, version="1")
        found.tags["team"] = "search"
        found.description = "changed"
        j.ml.environments.create_or_update(found)
        again = j.ml.environments.get(name, version="1")
        assert (again.tags["team"], again.description) == ("search", "changed"), name


def step_an_environment_is_archived_and_restored(j: Journey) -> None:
    j.ml.environments.archive("built", version="1")
    assert list(j.ml.environments.list("built")) == []
    j.ml.environments.restore("built", version="1")
    assert [each.version for each in j.ml.environments.list("built")] == ["1"]


def step_a_sample_environment_file_applies(j: Journey) -> None:
    file = j.folder / "environment.yaml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
        f"name: from-file\nversion: 3\nimage: {IMAGE}\ninference_config:\n"
        "  liveness_route: {path: /health, port: 8080}\n  readiness_route: {path: /health, port: 8080}\n"
        "  scoring_route: {path: /score, port: 8080}\n"
    )
    assert j.ml.environments.create_or_update(load_environment(file)).version == "3"
