"""Connections: their types, and where one comes from."""
