"""The command line: verbs after `az ml`."""
