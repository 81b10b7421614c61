"""Keeps users' code to its own files and processes: what may be reached, what this host can enforce, and the doing.

`description` says what a process may reach; `abilities` finds out what the host can enforce; `launcher` confines the
calling process, right before it executes what is confined. `launcher` and what it imports use the standard library
alone: they run inside a supervisor's child, with the confined program's memory still to come.
"""
