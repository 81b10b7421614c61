"""The HTTP client of the management API."""
