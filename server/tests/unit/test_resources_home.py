"""Which paths a home may have."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from flowstead.errors import HomeNotWritable
from flowstead.resources.home import Home


@pytest.mark.parametrize(
    ("path", "said"), [("~nobody-of-that-name", "a user who is not known"), (os.fsdecode(b"/h\xe9"), "is not UTF-8")]
)
def test_a_path_that_cannot_be_used_is_told(path: str, said: str) -> None:
    with pytest.raises(HomeNotWritable, match=said) as told:
        Home.at(path)
    told.value.message.encode()


def test_a_home_is_the_same_by_whichever_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Home.at(tmp_path / "link") == Home.at(tmp_path / "real")


def test_commands_name_a_home_that_is_not_meant_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWSTEAD_HOME", str(tmp_path / "usual"))
    assert Home.at(tmp_path / "usual").option == ""
    assert Home.at(tmp_path / "an other").option == f" --home '{tmp_path}/an other'"
    monkeypatch.setenv("FLOWSTEAD_HOME", "~nobody-of-that-name/h")
    assert Home.at(tmp_path / "usual").option == f" --home {tmp_path}/usual"


def test_what_is_in_use_is_not_old(tmp_path: Path) -> None:
    (home := Home(tmp_path / ("x" * 80))).create()
    (old := home.gateway_run / "lock").touch()
    (link := home.gateway_run / "link").symlink_to("nowhere")
    try:
        for path in (old, link, home.gateway_run):
            os.utime(path, (1, 1), follow_symlinks=False)
        home.refresh()
        assert min(path.lstat().st_mtime for path in (old, link, home.gateway_run)) > 1
    finally:
        shutil.rmtree(home.run)
