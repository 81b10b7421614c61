"""Flowstead: self-hosted managed online endpoints for prompt flows."""
