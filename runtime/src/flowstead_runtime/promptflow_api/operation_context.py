"""`OperationContext`: values that a program hangs on what it does."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Self

_USER_AGENT, _REQUEST_ID = "user_agent", "request_id"


class OperationContext(dict[str, Any]):
    """A mapping whose keys are attributes as well, one for each task or thread of work."""

    @classmethod
    def get_instance(cls) -> OperationContext:
        """The one in force here; a new one where there is none."""
        instance = _current.get()
        if instance is None:
            instance = cls()
            _current.set(instance)
        return instance

    @classmethod
    def set_instance(cls, instance: OperationContext | None) -> None:
        _current.set(instance)

    def get_user_agent(self) -> str:
        """`promptflow/…` and what was appended to it."""
        return " ".join(filter(None, (str(self.get(_USER_AGENT, "")), "promptflow-tracing/flowstead"))).strip()

    def append_user_agent(self, user_agent: str) -> None:
        known = str(self.get(_USER_AGENT, ""))
        if user_agent not in known:
            self[_USER_AGENT] = f"{known} {user_agent}".strip()

    def get_request_id(self) -> str:
        return str(self.get(_REQUEST_ID, "unknown"))

    def get_context_dict(self) -> dict[str, Any]:
        return dict(self)

    def copy(self) -> Self:
        return type(self)(self)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]


_current: ContextVar[OperationContext | None] = ContextVar("operation_context", default=None)
