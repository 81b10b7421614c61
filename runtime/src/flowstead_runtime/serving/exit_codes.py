"""How an instance's process ends. A supervisor must not restart it after one of the first three: the same files would
end it the same way. Any other number but 0 and IDLE is a crash, and worth another try."""

from __future__ import annotations

FLOW_CANNOT_START = 78
"""The flow's definition, code or connections are wrong (the number is EX_CONFIG of sysexits.h)."""

PACKAGE_MISSING = 79
"""The flow imports a package that its environment does not have."""

WARM_CALL_UNANSWERED = 80
"""The flow did not answer the first of its own samples within the request time-out."""

IDLE = 81
"""Nobody has asked it for anything for as long as it was told; the next connection to its socket shall start it."""
