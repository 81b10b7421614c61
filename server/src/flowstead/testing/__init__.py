"""Fakes and contract suites that users may use too."""
