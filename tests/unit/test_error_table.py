"""Each error of the table is documented and provoked by at least one test."""

from __future__ import annotations

from flowstead import errors
from tests.installation import ROOT

TESTS = [
    file.read_text("utf-8")
    for folder in ("tests", "server/tests", "runtime/tests")
    for file in (ROOT / folder).rglob("test_*.py")
    if file.name != "test_error_table.py"
]
ABSTRACT = {
    errors.FlowsteadError,
    errors.RequestRefused,
    errors.DeploymentFailed,
    errors.HostProblem,
    errors.PassingTrouble,
}


def test_every_error_is_provoked_somewhere() -> None:
    unprovoked = [
        error.__name__
        for error in errors.all_errors()
        if error not in ABSTRACT and not any(error.__name__ in text or error.code in text for text in TESTS)
    ]
    assert unprovoked == []


def test_every_error_says_what_and_what_next() -> None:
    for error in errors.all_errors():
        assert (error.__doc__ or "").strip().endswith("."), error
        assert error.hint.strip(), error


def test_codes_are_used_once() -> None:
    codes = [error.code for error in errors.all_errors() if error not in ABSTRACT]
    assert len(codes) == len(set(codes))
