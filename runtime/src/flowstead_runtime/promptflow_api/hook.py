"""An import hook that makes `promptflow` importable without the package."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from flowstead_runtime.promptflow_api.names import ABSENT, API_VERSION, MODULES, PACKAGE

_DISTRIBUTIONS = ("promptflow-core", "promptflow")


def install() -> bool:
    """Serve `promptflow.*` from here on; once is enough. False when the real package is installed and is left
    to serve."""
    if any(isinstance(finder, PromptflowFinder) for finder in sys.meta_path):
        return True
    if _is_real_one_installed():
        return False
    # Before the path finder, which would take any folder called promptflow for a namespace package.
    sys.meta_path.insert(0, PromptflowFinder())
    return True


class PromptflowFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of `names.MODULES`; each name in them is fetched when it is first used."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != PACKAGE and not fullname.startswith(f"{PACKAGE}."):
            return None
        if fullname not in MODULES:
            raise ModuleNotFoundError(f"No module named '{fullname}': {_advice(fullname)}", name=fullname)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Served(spec.name, f"Served by Flowstead in place of {spec.name}.")

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == PACKAGE:
            vars(module)["__version__"] = API_VERSION


class _Served(ModuleType):
    def __getattr__(self, name: str) -> Any:
        names = MODULES[self.__name__]
        target = names.get(name)
        if target is None:
            submodule = f"{self.__name__}.{name}"
            if submodule in MODULES:
                return importlib.import_module(submodule)
            raise AttributeError(f"{self.__name__} has no '{name}' in Flowstead's runtime", name=name, obj=self)
        module, attribute = target.split(":")
        value = getattr(importlib.import_module(module), attribute)
        vars(self)[name] = value
        return value

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *MODULES[self.__name__]})


def _advice(fullname: str) -> str:
    why = next((why for absent, why in ABSENT.items() if f"{fullname}.".startswith(f"{absent}.")), None)
    if why is None:
        return (
            "Flowstead's runtime serves the names of promptflow that flows need while they run, and this is not one "
            "of them"
        )
    return (
        f"{why}, which a flow that is being served cannot do. Import it only where the flow is developed (for example "
        "under 'if __name__ == \"__main__\":')"
    )


def _is_real_one_installed() -> bool:
    for name in _DISTRIBUTIONS:
        try:
            importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        return True
    return False
