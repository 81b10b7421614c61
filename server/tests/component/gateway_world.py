"""One gateway with endpoints of every kind, and the instances behind it."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from flowstead.access.tokens import Issuer
from flowstead.gateway.description import (
    Door,
    GatewayDeployment,
    GatewayEndpoint,
    TokenIssuer,
    TokenRule,
    Upstream,
)
from flowstead.gateway.process import EnvoyGateway
from flowstead.resources.clock import SystemClock
from flowstead.resources.home import Home
from flowstead.resources.inference import Inference
from flowstead.testing.echo_instance import EchoInstance

LIMIT = 2000
"""Bound of a request body, bytes."""
PATIENCE_S = 15.0
DOMAIN = "flows.test"
ISSUER = "https://127.0.0.1:8443/tenant/v2.0"
OWNER = "0f8fad5b-0000-4000-8000-000000000001"
SCOPE = "/subscriptions/s/onlineEndpoints/entra"
MODES = ("alpha", "token", "entra")
"""An endpoint for each authentication mode; each has companions NAME-quiet, -bare, -split and -mirrored that take the
same credentials."""


class World:
    """issuer: whose tokens the gateway takes, unless it is told of none."""

    def __init__(self, home: Home, stack: ExitStack, *, issuer: bool = True, domain: str = DOMAIN) -> None:
        names = ("blue", "green", "shadow", "api")
        self.instances = {name: stack.enter_context(EchoInstance(home.run, name)) for name in names}
        home.api_socket.symlink_to(self.instances["api"].upstream.address)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.home = home
        self.door = Door(
            "127.0.0.1",
            self.port,
            str(home.api_socket),
            str(home.logs / "access.log"),
            max_request_bytes=LIMIT,
            domain=domain,
            own_hosts=("localhost", "127.0.0.1", "::1", f"portal.{DOMAIN}", f"taken.{DOMAIN}"),
        )
        self.issuer = Issuer(ec.generate_private_key(ec.SECP256R1()), SystemClock())
        self.gateway = EnvoyGateway(home, self.door)
        if issuer:
            self.gateway.trust(TokenIssuer(ISSUER, self.issuer.jwks))
        self.gateway.ensure_running()
        stack.callback(self.gateway.stop, 0.0)
        self.endpoints = self._endpoints(str(home.run))
        self.gateway.publish(self.endpoints)
        self.client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30))

    def _endpoints(self, run: str) -> tuple[GatewayEndpoint, ...]:
        blue, green, shadow = (
            GatewayDeployment(name, (self.instances[name].upstream,), 30.0, 500) for name in ("blue", "green", "shadow")
        )
        slow = GatewayDeployment("slow", blue.instances, 0.4, 500)
        narrow = GatewayDeployment("narrow", blue.instances, 30.0, 3)
        late = GatewayDeployment("late", shadow.instances, 0.4, 500)
        full = GatewayDeployment("full", shadow.instances, 30.0, 1)
        empty = GatewayDeployment("empty", (), 30.0, 10)
        halted = GatewayDeployment("halted", (), 30.0, 10, stopped=True)
        dead = GatewayDeployment("dead", (Upstream(f"{run}/no.s", f"{run}/no.h"),), 30.0, 10)
        image = replace(blue, name="image", inference=Inference(5001, "/alive", "/ready", "/v1/models/m:predict"))
        other = replace(shadow, name="other", inference=Inference(5001, "/alive", "/ready", "/a%20b"))
        credentials: dict[str, dict[str, Any]] = {
            "alpha": {"keys": ("alpha-1", "alpha-2")},
            # Keys count for nothing where tokens are asked for.
            "token": {"keys": ("token-1",), "tokens": TokenRule("endpoint:token-uid", (OWNER, "somebody"))},
            "entra": {"keys": ("entra-1",), "tokens": TokenRule("https://ml.azure.com", (OWNER, "somebody"), SCOPE)},
        }
        families: list[GatewayEndpoint] = []
        for name, opened in credentials.items():
            shares = {"blue": 50, "green": 30, "shadow": 20}
            families += [
                GatewayEndpoint(name, deployments=(blue, green, empty, dead), traffic={"blue": 100}, **opened),
                GatewayEndpoint(f"{name}-quiet", deployments=(blue,), traffic={"blue": 0}, **opened),
                GatewayEndpoint(f"{name}-bare", **opened),
                GatewayEndpoint(f"{name}-split", deployments=(blue, green, shadow), traffic=shares, **opened),
                GatewayEndpoint(
                    f"{name}-mirrored",
                    deployments=(blue, shadow),
                    traffic={"blue": 100},
                    mirror={"shadow": 50},
                    **opened,
                ),
            ]
        return (
            *families,
            GatewayEndpoint("beta", ("beta-1", "beta-2"), (blue,), {"blue": 100}),
            GatewayEndpoint("locked", (), (blue,), {"blue": 100}),
            GatewayEndpoint("nobody", (), (blue,), {"blue": 100}, tokens=TokenRule("https://ml.azure.com", ())),
            GatewayEndpoint("taken", ("K",), (blue,), {"blue": 100}),
            GatewayEndpoint("Mixed", ("K",), (blue,), {"blue": 100}),
            GatewayEndpoint("slow", ("K",), (slow,), {"slow": 100}),
            GatewayEndpoint("narrow", ("K",), (narrow,), {"narrow": 100}),
            GatewayEndpoint("mirrored-slow", ("K",), (blue, late), {"blue": 100}, {"late": 50}),
            GatewayEndpoint("mirrored-narrow", ("K",), (blue, full), {"blue": 100}, {"full": 50}),
            GatewayEndpoint("mirrored-dead", ("K",), (blue, dead), {"blue": 100}, {"dead": 50}),
            GatewayEndpoint("mirrored-empty", ("K",), (blue, empty), {"blue": 100}, {"empty": 50}),
            GatewayEndpoint("mirrored-to-image", ("K",), (blue, other), {"blue": 100}, {"other": 50}),
            GatewayEndpoint("mirrored-from-image", ("K",), (image, shadow), {"image": 100}, {"shadow": 50}),
            GatewayEndpoint("mirrored-by-images", ("K",), (image, other), {"image": 100}, {"other": 50}),
            GatewayEndpoint("halted", ("K",), (blue, halted), {"halted": 100}),
            GatewayEndpoint("mirrored-halted", ("K",), (blue, halted), {"blue": 100}, {"halted": 50}),
            GatewayEndpoint("mirrored-gone", ("K",), (blue,), {"blue": 100}, {"gone": 50}),
        )

    def token(self, audience: str = "endpoint:token-uid", subject: str = OWNER, *, issuer: str = ISSUER) -> str:
        return self.issuer.issue(issuer=issuer, audience=audience, subject=subject, claims={"sid": subject}).text

    def credential(self, endpoint: str) -> str:
        """What opens the endpoint, to be sent as a Bearer."""
        mode = endpoint.partition("-")[0]
        good = {"alpha": "alpha-1", "token": self.token(), "entra": self.token("https://ml.azure.com")}
        return good.get(mode, "K")

    def ask(self, path: str, key: str = "", method: str = "POST", **options: Any) -> httpx.Response:
        headers = ({"authorization": f"Bearer {key}"} if key else {}) | options.pop("headers", {})
        return self.client.request(method, path, headers=headers, **options)

    def eventually(self, what: str, holds: Callable[[], object]) -> None:
        """Wait until that is so; fails naming it when it does not come about."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < give_up_at, what
            time.sleep(0.01)


@contextmanager
def new_world(**options: Any) -> Iterator[World]:
    """A world in a scratch home, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fs-") as name, ExitStack() as stack:
        home = Home.at(name)
        home.create()
        yield World(home, stack, **options)


def error_of(answer: httpx.Response) -> dict[str, str]:
    """The error of a JSON body in the one shape that all have."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    error: dict[str, str] = body["error"]
    assert error["message"]
    return error
