"""Running the flow for one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowstead_runtime.errors import UserError
from flowstead_runtime.flow.running import RunContext
from flowstead_runtime.serving.exchange import Exchange, Handler

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving


def execute(serving: Serving, proceed: Handler) -> Handler:
    """Layer: runs the flow with the decoded inputs."""
    run = serving.flow.run

    async def executed(exchange: Exchange) -> None:
        context = RunContext(exchange.request_id, exchange.deadline, exchange.accept.stream)
        try:
            exchange.result = await run(exchange.inputs, context)
        except SystemExit as exit_:
            # Let through, it would end the event loop and with it every other request.
            raise UserError(f"Execution failure: the flow's code called sys.exit({exit_.code!r})") from None
        await proceed(exchange)

    return executed
