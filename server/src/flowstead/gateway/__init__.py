"""Lets callers in or not, and splits traffic: a pure function from endpoints to Envoy's configuration, and Envoy."""
