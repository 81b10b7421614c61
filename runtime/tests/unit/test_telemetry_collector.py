"""`azureml.ai.monitoring` as flows import it."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.telemetry import collector_import
from flowstead_runtime.telemetry.collection import CURRENT, REQUEST, CollectedRequest, Collection
from flowstead_runtime.telemetry.collection_files import CollectionFiles
from flowstead_runtime.telemetry.collection_settings import CollectionSettings
from flowstead_runtime.telemetry.collection_writer import CollectionWriter
from flowstead_runtime.telemetry.collector import BasicCorrelationContext, Collector


class DataFrame:
    """As much of a pandas frame as a collector asks for."""

    def __init__(self, text: str = '[{"a":"é"}]') -> None:
        self.text = text

    def to_json(self, **options: Any) -> str:
        assert options == {"orient": "records", "force_ascii": False}
        if not self.text:
            raise ValueError("DataFrame columns must be unique")
        return self.text


class GeoDataFrame(DataFrame):
    """Other packages derive theirs."""


DataFrame.__module__ = "pandas.core.frame"


@pytest.fixture
def collected(tmp_path: Path) -> Iterator[Path]:
    settings = CollectionSettings(tmp_path, "e", "d", "i", "1", "s", {"seen": 1.0})
    writer = CollectionWriter(CollectionFiles(tmp_path, "i"))
    CURRENT.collection = Collection(settings, writer, lambda: 0.0, random.Random(1))
    yield tmp_path
    CURRENT.collection = None


def written(folder: Path) -> list[dict[str, Any]]:
    assert CURRENT.collection is not None
    CURRENT.collection.close(10)
    return [json.loads(line) for file in folder.rglob("*.jsonl") for line in file.read_text().splitlines()]


def test_frames_lists_and_rows_are_kept(collected: Path) -> None:
    collector = Collector(name="seen")
    context = collector.collect(DataFrame())
    collector.collect([{"a": 1}, {"a": 2}], context)
    collector.collect({"a": 3}, BasicCorrelationContext(id="own", timestamp=3600))
    frame, rows, row = sorted(written(collected), key=lambda each: str(each["data"]))
    assert (frame["data"], rows["data"], row["data"]) == ([{"a": "é"}], [{"a": 1}, {"a": 2}], [{"a": 3}])
    assert frame["correlationid"] == rows["correlationid"] == context.get_id()
    assert (row["correlationid"], row["time"]) == ("own", "1970-01-01T01:00:00Z")


@pytest.mark.parametrize("kind", [DataFrame, GeoDataFrame])
@pytest.mark.parametrize("module", ["pandas", "pandas.core.frame"])
def test_a_frame_is_known_whatever_pandas_calls_its_module(
    collected: Path, monkeypatch: pytest.MonkeyPatch, kind: type[DataFrame], module: str
) -> None:
    monkeypatch.setattr(DataFrame, "__module__", module)
    Collector(name="seen").collect(kind())
    assert [each["data"] for each in written(collected)] == [[{"a": "é"}]]


def test_records_of_a_request_carry_its_id(collected: Path) -> None:
    token = REQUEST.set(CollectedRequest("abc", 0.5))
    try:
        assert Collector(name="seen").collect([{"a": 1}]).get_id() == "abc"
    finally:
        REQUEST.reset(token)
    assert [(each["correlationid"], each["xrequestid"]) for each in written(collected)] == [("abc", "abc")]


def test_what_is_not_enabled_is_told_and_not_kept(collected: Path, caplog: pytest.LogCaptureFixture) -> None:
    problems: list[Exception] = []
    quiet, telling = Collector(name="other"), Collector(name="other", on_error=problems.append)
    assert "collects other, which is not enabled" in caplog.text
    quiet.collect([{"a": 1}])
    telling.collect(object(), BasicCorrelationContext("own"))
    assert [str(each) for each in problems] == ["the collection other is not enabled"] * 2
    CURRENT.collection.close(10)  # type: ignore[union-attr]
    assert not list(collected.iterdir())


def test_data_that_cannot_be_collected(collected: Path) -> None:
    problems: list[Exception] = []
    with pytest.raises(TypeError, match="DataFrame or a list of dictionaries"):
        Collector(name="seen").collect([1])
    telling = Collector(name="seen", on_error=problems.append)
    telling.collect("text")
    telling.collect(DataFrame(""))
    telling.collect([{("a", 1): 1}])
    Collector(name="seen").collect(DataFrame(""))
    assert [type(each) for each in problems] == [TypeError, RuntimeError, RuntimeError]
    assert CURRENT.collection is not None
    assert CURRENT.collection.writer.dropped == 3
    with pytest.raises(ValueError, match="name of a collection"):
        Collector(name="")


@pytest.fixture
def importing() -> Iterator[None]:
    finders = list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.split(".")[0] == "azureml"]:
        del sys.modules[name]


def test_the_package_is_importable_once_installed(importing: None) -> None:
    collector_import.install()
    collector_import.install()
    namespace: dict[str, Any] = {}
    exec(  # noqa: S102 - as a script would
        "from azureml.ai.monitoring import Collector\n"
        "from azureml.ai.monitoring.context import BasicCorrelationContext, CorrelationContext\n",
        namespace,
    )
    assert namespace["Collector"] is Collector
    assert namespace["BasicCorrelationContext"] is BasicCorrelationContext
    with pytest.raises(ModuleNotFoundError):
        exec("import azureml.core")  # noqa: S102


def test_other_packages_of_azure_keep_theirs(importing: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = tmp_path / "azureml" / "core"
    core.mkdir(parents=True)
    (core / "__init__.py").write_text("who = 'azure'")
    monkeypatch.syspath_prepend(tmp_path)
    collector_import.install()
    namespace: dict[str, Any] = {}
    exec("from azureml.core import who\nfrom azureml.ai.monitoring import Collector", namespace)  # noqa: S102
    assert namespace["who"] == "azure"
    assert namespace["Collector"] is Collector
