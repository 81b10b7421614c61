"""Flows tried out before they are deployed: in instances of their own, warm for a while, never in the server."""
