"""PATCH as the PUT that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from flowstead.api.bodies import Body

Model = TypeVar("Model", bound=BaseModel)


def merge(model: type[Model], shown: Mapping[str, Any], patch: Mapping[str, Any]) -> Model:
    """The body of the PUT. shown: the resource as GET shows it. Raises RequestValidationError."""
    try:
        Body.model_validate(patch)  # before it is walked
        return model.model_validate(merge_patch(shown, patch))
    except ValidationError as problem:
        raise RequestValidationError(problem.errors(include_input=False)) from None


def merge_patch(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7396): null removes, an object is merged, everything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
