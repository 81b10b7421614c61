"""Importing a flow's code, and saying what went wrong when that fails."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import MappingProxyType, ModuleType

from flowstead_runtime.errors import FlowLoadError

TRACEBACK_LINES = 12
DISTRIBUTIONS = MappingProxyType(
    {
        "attr": "attrs",
        "bs4": "beautifulsoup4",
        "cv2": "opencv-python-headless",
        "dateutil": "python-dateutil",
        "docx": "python-docx",
        "faiss": "faiss-cpu",
        "fitz": "pymupdf",
        "google.generativeai": "google-generativeai",
        "jwt": "pyjwt",
        "magic": "python-magic",
        "OpenSSL": "pyopenssl",
        "PIL": "pillow",
        "pptx": "python-pptx",
        "psycopg2": "psycopg2-binary",
        "rank_bm25": "rank-bm25",
        "serpapi": "google-search-results",
        "sklearn": "scikit-learn",
        "skimage": "scikit-image",
        "slugify": "python-slugify",
        "yaml": "pyyaml",
        "azure.identity": "azure-identity",
        "azure.search.documents": "azure-search-documents",
        "azure.storage.blob": "azure-storage-blob",
        "azure.ai.ml": "azure-ai-ml",
    }
)
"""Import names whose distribution is called otherwise."""


def add_to_path(directory: Path) -> None:
    """Put the flow's folder first on sys.path, once."""
    text = str(directory)
    if sys.path[:1] != [text]:
        sys.path[:] = [text, *(entry for entry in sys.path if entry != text)]


def import_script(path: Path, *, who: str, directory: Path) -> ModuleType:
    """The module of a script in the flow folder, imported once however many nodes use it. who: what needs it, as errors
    name it. Raises FlowLoadError."""
    name = _module_name(path, directory)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FlowLoadError(f"{who}: {path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        raise load_failure(error, who=who, directory=directory) from error
    return module


def import_named(name: str, *, who: str, directory: Path) -> ModuleType:
    """An installed module. Raises FlowLoadError."""
    try:
        return importlib.import_module(name)
    except BaseException as error:
        raise load_failure(error, who=who, directory=directory) from error


def import_entry(name: str, *, who: str, directory: Path) -> ModuleType:
    """The module of a flex flow's entry: the flow's own file of that name even when something else that is imported has
    the name too, or an installed module. Raises FlowLoadError."""
    file = directory / f"{name}.py"
    if file.is_file() and not _is_free(name, directory):
        return import_script(file, who=who, directory=directory)
    return import_named(name, who=who, directory=directory)


def load_failure(error: BaseException, *, who: str, directory: Path) -> BaseException:
    """The FlowLoadError that tells what went wrong: the last lines of the user's part of the traceback, and
    for a missing module what to add where. KeyboardInterrupt is given back as it is."""
    if isinstance(error, KeyboardInterrupt):
        return error
    shown = "\n".join(_user_traceback(error, directory)[-TRACEBACK_LINES:])
    if isinstance(error, ModuleNotFoundError) and error.name and _is_installable(error.name, directory):
        package = distribution_of(error.name)
        return FlowLoadError(
            f"{who}: the module '{error.name}' is not installed. "
            f"Add '{package}' to the flow's requirements.txt.\n{shown}",
            package=package,
        )
    return FlowLoadError(f"{who}: its code cannot be imported: {_summary(error)}\n{shown}")


def distribution_of(module: str) -> str:
    """The distribution to install for an import name, as far as it is known; else the top-level name itself."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        known = DISTRIBUTIONS.get(".".join(parts[:length]))
        if known:
            return known
    return parts[0].replace("_", "-")


def _module_name(path: Path, directory: Path) -> str:
    """The name by which the flow's other scripts would import the file, if it has one; else one of its own."""
    relative = path.relative_to(directory) if path.is_relative_to(directory) else Path(path.name)
    parts = relative.with_suffix("").parts
    name = ".".join(parts)
    if all(part.isidentifier() for part in parts) and _is_free(parts[0], directory):
        return name
    return f"flow_script_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"


def _is_free(top: str, directory: Path) -> bool:
    """Whether the flow may use the module name: nothing else that is imported has it (a script may be called
    json.py)."""
    module = sys.modules.get(top)
    if module is None:
        return top not in sys.stdlib_module_names
    file = getattr(module, "__file__", None)
    paths = [file] if file else list(getattr(module, "__path__", []))
    return bool(paths) and all(Path(p).is_relative_to(directory) for p in paths)


def _is_installable(module: str, directory: Path) -> bool:
    """Neither the flow's own nor one of promptflow's names, which come with the runtime or not at all."""
    top = module.split(".")[0]
    return top != "promptflow" and not (directory / top).is_dir() and not (directory / f"{top}.py").is_file()


def _user_traceback(error: BaseException, directory: Path) -> list[str]:
    """The formatted traceback from the first line of the flow's own code on; all of it when there is none."""
    if isinstance(error, SyntaxError):
        return _lines(traceback.format_exception_only(error))
    frames = traceback.extract_tb(error.__traceback__)
    first = next((i for i, frame in enumerate(frames) if Path(frame.filename).is_relative_to(directory)), 0)
    return _lines([*traceback.format_list(frames[first:]), *traceback.format_exception_only(error)])


def _lines(parts: list[str]) -> list[str]:
    return "".join(parts).rstrip().splitlines()


def _summary(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
