"""Runs one prompt flow and answers /score. Knows nothing of endpoints, databases or the control plane."""

__version__ = "0.1.0"
