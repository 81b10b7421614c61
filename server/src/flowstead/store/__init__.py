"""Rows, migrations, blobs, secrets at rest. ORM rows never leave this package."""
