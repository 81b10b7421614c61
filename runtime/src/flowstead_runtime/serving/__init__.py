"""The ASGI app around a flow: its layers as one list."""
