"""Rows, migrations, blobs, secrets at rest. ORM rows never leave this package."""

from flowstead.store.database import Store
from flowstead.store.reading import Reading
from flowstead.store.writing import Writing

__all__ = ["Reading", "Store", "Writing"]
