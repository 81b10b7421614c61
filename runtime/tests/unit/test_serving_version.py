"""The version that `/version` and `/health` tell is the distribution's."""

from __future__ import annotations

from importlib.metadata import version

from flowstead_runtime import __version__


def test_the_version_is_the_distributions() -> None:
    assert __version__ == version("flowstead-runtime")
