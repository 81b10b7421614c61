"""Who gets the traffic: bodies that change the split of an endpoint and leave the rest as it is."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from flowstead.errors import BadArgument

Body = dict[str, Any]


def with_traffic(endpoint: Body, traffic: Mapping[str, int]) -> Body:
    """The body of a PUT that gives the endpoint, as GET showed it, another split."""
    body = copy.deepcopy(endpoint)
    body["properties"]["traffic"] = dict(traffic)
    return body


def all_to(deployment: str) -> dict[str, int]:
    return {deployment: 100}


def read_split(text: str, option: str = "--traffic") -> dict[str, int]:
    """`blue=90 green=10` → a mapping. Raises BadArgument."""
    split: dict[str, int] = {}
    for word in text.replace(",", " ").split():
        name, _, share = word.partition("=")
        if not name or not share.isdigit():
            raise BadArgument(f'{option} "{text}": {word!r} is no share.', hint=f'Write {option} "blue=90 green=10".')
        split[name] = int(share)
    return split


def is_first(endpoint: Body, deployments: Sequence[Body], deployment: str) -> bool:
    """No other deployment could take traffic, and none does: what is deployed now is the endpoint's first."""
    others = [each for each in deployments if str(each["name"]).lower() != deployment.lower()]
    return not others and not any((endpoint["properties"].get("traffic") or {}).values())


def check_movable(endpoint: Body, deployment: str) -> None:
    """All traffic may go to a deployment that is not ready only where no other one answers. Raises BadArgument."""
    shares = endpoint["properties"].get("traffic") or {}
    others = [name for name, share in shares.items() if share and name.lower() != deployment.lower()]
    if others:
        raise BadArgument(
            f"--all-traffic with --no-wait would send {others[0]}'s requests to {deployment} before it is ready.",
            hint="Leave --no-wait out, or move the traffic later: flowstead online-endpoint update --traffic.",
        )
