"""Writes audit events. Only `kmsconsole.operations` may import this module."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from json import JSONEncoder
from typing import Any, Generic, TypeVar

from django.db import DatabaseError, DataError, IntegrityError
from django.db.transaction import atomic

from kmsconsole import clock, randomness
from kmsconsole.audit.models import Outcome
from kmsconsole.audit.turns import Row, add, turn
from kmsconsole.principals import Call
from kmsconsole.statements import Statement, database

Done = TypeVar("Done")

_COLUMNS = (
    "writer",
    "writer_number",
    "digest",
    "signature_hash",
    "request_id",
    "time",
    "account_uin",
    "region",
    "principal_kind",
    "principal_uin",
    "principal_name",
    "credential",
    "source_address",
    "operation",
    "key_id",
    "key_version",
    "outcome",
    "error_code",
    "rule",
    "rule_text",
    "details",
)
_INSERT = f"INSERT INTO audit_auditevent ({', '.join(_COLUMNS)}) VALUES "  # noqa: S608 - constants
_VALUES = f"({', '.join(['%s'] * len(_COLUMNS))})"


@dataclass(slots=True)
class Event:
    """What will be recorded, before it has a writer, a number and a time."""

    call: Call
    operation: str
    outcome: Outcome
    key_id: str | None = None
    key_version: int | None = None
    error_code: str = ""
    rule: str = ""
    rule_text: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class _Writer(threading.local):
    """Numbers the events of one thread of one process, without gaps.

    A number is used up only by a commit, so a missing one means a row was removed.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.name = randomness.uuid4().hex
        self.number = 0

    def current(self) -> "_Writer":
        """Return the writer, begun anew in a forked child."""
        if self.process != os.getpid():
            self.__init__()  # type: ignore[misc]
        return self


_writer = _Writer()


def canonical_digest(fields: Sequence[object]) -> bytes:
    """SHA-256 over the JSON list of the columns from `writer` on, without `digest`.

    Times stand as ISO 8601 with microseconds in UTC, bytes as hex.
    """
    return sha256(_canonical(fields).encode("ascii")).digest()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return value.hex()
    message = f"{type(value).__name__} has no canonical form."
    raise TypeError(message)


_canonical = JSONEncoder(separators=(",", ":"), default=_plain).encode
_details = JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def _row(event: Event, writer: str, number: int, moment: datetime, stored: Any) -> Row:
    call = event.call
    who = call.principal
    rest = (
        call.signature_hash,
        call.request_id,
        moment,
        who.account_uin,
        call.region,
        str(who.kind),
        who.uin,
        who.name,
        who.credential,
        call.source_address,
        event.operation,
        event.key_id,
        event.key_version,
        str(event.outcome),
        event.error_code,
        event.rule,
        event.rule_text,
        _details(event.details) if event.details else "{}",
    )
    digest = canonical_digest((writer, number, *rest))
    return (writer, number, digest, *rest[:2], stored, *rest[3:])


def _rows(events: Sequence[Event], writer: _Writer) -> list[Row]:
    moment = clock.now()
    stored = database().ops.adapt_datetimefield_value(moment)
    return [
        _row(event, writer.name, number, moment, stored)
        for number, event in enumerate(events, writer.number + 1)
    ]


@lru_cache(maxsize=128)
def _insertion(rows: int) -> Statement:
    return Statement(_INSERT + ", ".join([_VALUES] * rows))


def _insert(rows: Sequence[Row]) -> None:
    _insertion(len(rows)).run(tuple(chain.from_iterable(rows)))


@contextmanager
def transaction() -> Iterator[list[Event]]:
    """Commit what happens inside together with the events put into the list."""
    events: list[Event] = []
    with turn(), atomic(durable=True):
        yield events
        if events:
            _insert(_rows(events, _writer.current()))
    _writer.current().number += len(events)


def write(events: Sequence[Event]) -> None:
    """Commit events on their own; a database error means none was recorded.

    What is gathered is committed with that of others, before anything leaves.
    """
    if _gathering.events is not None:
        _gathering.events.extend(events)
        return
    # One statement commits by itself: a transaction would only add round trips.
    writer = _writer.current()
    add(_rows(events, writer), _insert)
    writer.number += len(events)


class _Gathering(threading.local):
    """The events of what this thread does for `Gathered`."""

    events: list[Event] | None = None


_gathering = _Gathering()


class Gathered(Generic[Done]):
    """What was done in turn and not yet recorded; nobody gets it before `commit`."""

    def __init__(self, works: Iterable[Callable[[], Done]]) -> None:
        """Do one after the other; what one of them raises, raises here."""
        self._done: list[Done] = []
        self._events: list[list[Event]] = []
        try:
            for work in works:
                _gathering.events = []
                self._done.append(work())
                self._events.append(_gathering.events)
        finally:
            _gathering.events = None

    def commit(self) -> list[Done | DatabaseError]:
        """Commit the events of all with one statement, and return what each returned.

        The database's error stands in the place of whose events were not committed.
        """
        done: list[Done | DatabaseError] = [*self._done]
        try:
            if any(self._events):
                write(list(chain.from_iterable(self._events)))
        except (DataError, IntegrityError):
            # One of them can't be recorded; that is no fault of the others.
            for at, own in enumerate(self._events):
                try:
                    write(own)
                except DatabaseError as error:
                    done[at] = error
        except DatabaseError as error:
            return [error] * len(done)
        return done
