"""An import hook for `azureml.ai.monitoring`, the package that flows collect data with on Azure."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

PACKAGE = "azureml.ai.monitoring"

MODULES: Mapping[str, Sequence[str]] = {
    PACKAGE: ("Collector",),
    f"{PACKAGE}.context": ("BasicCorrelationContext", "CorrelationContext"),
}
"""Their names, all of which `collector` has."""

PARENTS: Mapping[str, Sequence[str]] = {"azureml": (), "azureml.ai": ()}
"""Other packages of Azure's have these too, and then keep them."""


def install() -> None:
    """Serve the names from here on; once is enough."""
    if any(isinstance(finder, CollectorFinder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, CollectorFinder(MODULES))
    sys.meta_path.append(CollectorFinder(PARENTS))


class CollectorFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules it is given, each with its names."""

    def __init__(self, modules: Mapping[str, Sequence[str]]) -> None:
        self._modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._modules:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        names = self._modules[module.__name__]
        if names:
            collector = importlib.import_module("flowstead_runtime.telemetry.collector")
            vars(module).update({name: getattr(collector, name) for name in names})
