"""What an exception looks like in an error answer, for flow code that makes such answers itself."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from flowstead_runtime.promptflow_api.exceptions import PromptflowException, error_codes_of


class ExceptionPresenter:
    """An exception of any kind, taken apart."""

    def __init__(self, ex: BaseException) -> None:
        self._exception = ex

    @classmethod
    def create(cls, ex: BaseException) -> ExceptionPresenter:
        return cls(ex)

    @property
    def error_codes(self) -> list[str]:
        """From the general to the particular: `UserError` or `SystemError`, then the class's own name."""
        return error_codes_of(self._exception)

    @property
    def error_code_recursed(self) -> dict[str, Any] | None:
        """The codes, each inside the one before: `{"code": …, "innerError": …}`."""
        nested: dict[str, Any] | None = None
        for code in reversed(self.error_codes):
            nested = {"code": code, "innerError": nested}
        return nested

    @property
    def formatted_traceback(self) -> str:
        return "".join(traceback.format_exception(self._exception))

    @property
    def debug_info(self) -> dict[str, Any]:
        """The exception and what caused it, each with its class, message and stack."""
        return _debug_info(self._exception)

    def to_dict(self, *, include_debug_info: bool = False) -> dict[str, Any]:
        ex = self._exception
        shown: dict[str, Any] = {"message": str(ex), "messageFormat": "", "messageParameters": {}}
        if isinstance(ex, PromptflowException):
            shown["messageFormat"], shown["messageParameters"] = ex.message_format, ex.message_parameters
            shown["referenceCode"] = ex.reference_code
        shown |= self.error_code_recursed or {}
        return {**shown, "debugInfo": self.debug_info} if include_debug_info else shown


class ErrorResponse:
    """The answer made of an exception."""

    def __init__(self, error_dict: Mapping[str, Any]) -> None:
        self._error = dict(error_dict)

    @classmethod
    def from_exception(cls, ex: BaseException, *, include_debug_info: bool = False) -> ErrorResponse:
        return cls(ExceptionPresenter.create(ex).to_dict(include_debug_info=include_debug_info))

    @classmethod
    def from_error_dict(cls, error_dict: Mapping[str, Any]) -> ErrorResponse:
        return cls(error_dict)

    @property
    def message(self) -> str:
        return str(self._error.get("message", ""))

    @property
    def response_code(self) -> str:
        """The HTTP status, as text."""
        return "400" if self._error.get("code") == "UserError" else "500"

    @property
    def error_codes(self) -> list[str]:
        codes, error = [], self._error
        while error and error.get("code") is not None:
            codes.append(str(error["code"]))
            error = error.get("innerError") or {}
        return codes

    @property
    def error_code_hierarchy(self) -> str:
        return "/".join(self.error_codes)

    @property
    def innermost_error_code(self) -> str | None:
        return self.error_codes[-1] if self.error_codes else None

    def to_simplified_dict(self) -> dict[str, Any]:
        """What a caller of a served flow gets to see."""
        return {"error": {"code": self._error.get("code"), "message": self._error.get("message")}}

    def to_dict(self) -> dict[str, Any]:
        return {"error": self._error}


def _debug_info(ex: BaseException) -> dict[str, Any]:
    before = ex.__cause__ or (None if ex.__suppress_context__ else ex.__context__)
    return {
        "type": type(ex).__qualname__,
        "message": str(ex),
        "stackTrace": "Traceback (most recent call last):\n" + "".join(traceback.format_tb(ex.__traceback__)),
        "innerException": _debug_info(before) if before is not None else None,
    }
