"""The packages a flow asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.requirements import read_requirements


def requirements(folder: Path, environment: str = "", **files: str) -> str:
    (folder / "flow.dag.yaml").write_text(f"{environment}\nnodes: []\n")
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_txt", ".txt")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return read_requirements(read_definition(folder))


def test_none_is_empty(tmp_path: Path) -> None:
    assert requirements(tmp_path) == ""


def test_the_default_file_is_taken(tmp_path: Path) -> None:
    assert requirements(tmp_path, requirements_txt="a==1\n# note\nb\n") == "a==1\n# note\nb\n"


def test_the_named_file_wins(tmp_path: Path) -> None:
    environment = "environment: {python_requirements_txt: deps/x.txt}"
    assert requirements(tmp_path, environment, requirements_txt="a\n", deps__x_txt="b\n") == "b\n"


def test_includes_are_resolved_from_the_file_that_names_them(tmp_path: Path) -> None:
    text = requirements(
        tmp_path,
        requirements_txt="-r deps/x.txt  # more\na\n",
        deps__x_txt="--requirement=y.txt\nb\n-c ../pins.txt\n",
        deps__y_txt="c\n",
        pins_txt="d==1\n",
    )
    assert text == "c\nb\nd==1\na\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-r ../x.txt", "outside the flow folder"),
        ("-r /etc/passwd", "outside the flow folder"),
        ("-c /etc/passwd", "outside the flow folder"),
        ("-r no.txt", "is not in the flow folder"),
        ("-r requirements.txt", "includes itself: requirements.txt → requirements.txt"),
    ],
)
def test_what_cannot_be_included_is_refused(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(FlowDefinitionError, match=words) as caught:
        requirements(tmp_path, requirements_txt=f"{line}\n")
    assert caught.value.file == "requirements.txt"


def test_an_address_that_cannot_be_included_is_told_without_its_credentials(tmp_path: Path) -> None:
    with pytest.raises(FlowDefinitionError, match="'https://a.example/…' is not in the flow folder") as caught:
        requirements(tmp_path, requirements_txt="-r https://me:s3cr3tpass@a.example/r.txt?sig=s3cr3tsig\n")
    assert "s3cr3t" not in str(caught.value)


def test_a_named_file_outside_or_missing_is_refused(tmp_path: Path) -> None:
    for path in ("../x.txt", "no.txt"):
        with pytest.raises(FlowDefinitionError) as caught:
            requirements(tmp_path, f"environment: {{python_requirements_txt: {path}}}")
        assert caught.value.file == "flow.dag.yaml"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    flow = tmp_path / "flow"
    flow.mkdir()
    (tmp_path / "x.txt").write_text("a\n")
    (flow / "requirements.txt").symlink_to(tmp_path / "x.txt")
    with pytest.raises(FlowDefinitionError, match="outside the flow folder"):
        requirements(flow)
