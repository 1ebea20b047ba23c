"""A transaction that is never kept, inside which operations may open their own."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """Undo at the end whatever happens in the database."""
    atomic = transaction.atomic()
    # As Django's TestCase does: a transaction that has to be the outermost is let in.
    atomic._from_testcase = True  # type: ignore[attr-defined]
    with atomic:
        yield
        transaction.set_rollback(True)
