"""Instances as local processes, each under a supervisor of its own."""
