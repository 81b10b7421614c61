"""A store to try changes on: what is read is what there is and what was tried, and in the end nothing has happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flowstead.store.database import PATIENCE_S, Store
from flowstead.store.reading import Reading
from flowstead.store.writing import Writing


class Rehearsal(Store):
    """Keeps what `Store` promises, within one transaction that is rolled back: a block of `transaction` that raises
    leaves nothing behind, one that does not is seen by all after it. For one thread."""

    def __init__(self, of: Store, writing: Writing) -> None:
        super().__init__(of._home, of._engine, of._unlocked, of._keys, of._clock)
        self._writing = writing

    @contextmanager
    def transaction(self, *, patience_s: float = PATIENCE_S) -> Iterator[Writing]:
        with self._writing.connection.begin_nested():
            yield self._writing

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        yield self._writing


@contextmanager
def rehearsal(store: Store) -> Iterator[Rehearsal]:
    """Other writers wait until the block ends; nobody is told of anything."""
    with store.undone() as writing:
        yield Rehearsal(store, writing)
