"""Statements that PostgreSQL prepared, sent as libpq takes them.

psycopg's cursors cost more than what they send (docs/performance.md). These are its
connections, its errors and its loaders; texts go out as PostgreSQL reads them.
"""

from collections.abc import Sequence
from select import POLLIN, POLLOUT, poll
from threading import local
from typing import Any

from psycopg import Connection, DataError, OperationalError
from psycopg.abc import Transformer
from psycopg.adapt import AdaptersMap
from psycopg.adapt import Transformer as KnownTransformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.types.datetime import TimestamptzLoader

Row = tuple[Any, ...]

_GONE = "the connection is gone"
# Plans are made once and kept. One that was made while a table was almost empty reads
# all of it; after so many statements, and each time after so many times as many, plans
# are made anew.
_FIRST_PLANS, _LATER_PLANS = 100, 10
# Between two results there is one that is none.
_WITH_END = 2
_DONE = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})


class Answer:
    """What a statement answered: as much of a cursor as is needed to read it."""

    __slots__ = ("_result", "_transformer")

    def __init__(self, result: PGresult, transformer: Transformer) -> None:
        self._result = result
        self._transformer = transformer

    def fetchall(self) -> list[Row]:
        """Return every row."""
        number = self._result.ntuples
        if not number:
            return []
        self._transformer.set_pgresult(self._result)
        return self._transformer.load_rows(0, number, tuple)

    def fetchone(self) -> Row | None:
        """Return the first row, or None."""
        if not self._result.ntuples:
            return None
        self._transformer.set_pgresult(self._result)
        return self._transformer.load_row(0, tuple)


class Prepared:
    """The statements of one connection, each prepared when it is first asked.

    Of use where a statement commits by itself: it opens no transaction.
    """

    def __init__(self, raw: "Connection[Any]") -> None:
        self._libpq = raw.pgconn
        self._transformer = KnownTransformer.from_context(_Loaders(raw))
        self._names: dict[str, bytes] = {}
        self._asked, self._planned_until = 0, _FIRST_PLANS

    def execute(self, text: str, parameters: Sequence[Any]) -> Answer:
        """Run a statement with `$1` for parameters; raises `psycopg.Error`."""
        self._plan_anew(1)
        name = self._named(text)
        result = self._checked(self._libpq.exec_prepared(name, _all_sent(parameters)))
        return Answer(result, self._transformer)

    def all_at_once(
        self, asked: Sequence[tuple[str, Sequence[Any]]]
    ) -> list[list[Row]]:
        """Return the rows of several statements, waiting once for all of them."""
        self._plan_anew(len(asked))
        sent = [(self._named(text), _all_sent(given)) for text, given in asked]
        self._libpq.enter_pipeline_mode()
        try:
            for name, given in sent:
                self._libpq.send_query_prepared(name, given)
            self._libpq.pipeline_sync()
            results = [self._next() for _ in sent]
            # That which ends all of them.
            self._next()
        finally:
            self._leave_pipeline()
        answers = [Answer(self._checked(each), self._transformer) for each in results]
        return [answer.fetchall() for answer in answers]

    def _plan_anew(self, asked: int) -> None:
        self._asked += asked
        if self._asked >= self._planned_until:
            self._checked(self._libpq.exec_(b"DISCARD PLANS"))
            self._planned_until = self._asked * _LATER_PLANS

    def _next(self) -> PGresult:
        for _ in range(_WITH_END):
            self._wait()
            result = self._libpq.get_result()
            if result is not None:
                return result
        raise OperationalError(_GONE)

    def _wait(self) -> None:
        """Wait for a result as libpq does, but let other threads compute."""
        while self._libpq.is_busy():
            unsent = self._libpq.flush()
            waiting = poll()
            waiting.register(self._libpq.socket, POLLIN | (POLLOUT if unsent else 0))
            waiting.poll()
            self._libpq.consume_input()

    def _leave_pipeline(self) -> None:
        try:
            self._libpq.exit_pipeline_mode()
        except OperationalError:
            # Something is still on its way: nothing may be asked behind it.
            self._libpq.finish()
            raise

    def _named(self, text: str) -> bytes:
        return self._names.get(text) or self._prepare(text)

    def _prepare(self, text: str) -> bytes:
        name = b"kmsconsole_%d" % len(self._names)
        self._checked(self._libpq.prepare(name, text.encode()))
        self._names[text] = name
        return name

    def _checked(self, result: PGresult) -> PGresult:
        if result.status in _DONE:
            return result
        if self._libpq.status == ConnStatus.BAD:
            raise OperationalError(self._libpq.get_error_message())
        raise error_from_result(result)


class _Loaders:
    """The adapters of a connection, with psycopg's own loader for times.

    Django's gives the same moments and is a slow one: they need no other time zone.
    """

    def __init__(self, raw: "Connection[Any]") -> None:
        self.connection = raw
        self.adapters = AdaptersMap(raw.adapters)
        self.adapters.register_loader("timestamptz", TimestamptzLoader)


def _all_sent(parameters: Sequence[Any]) -> list[Any]:
    # psycopg's types forget that NULL is None here, too.
    return [_sent(each) for each in parameters]


def _sent(value: Any) -> bytes | None:
    """Return a parameter as text of PostgreSQL's; NULL is None."""
    if isinstance(value, str):
        if "\0" in value:
            # libpq would end the text there, without a word.
            message = "a text holds a zero byte"
            raise DataError(message)
        return value.encode()
    if value is None:
        return None
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if isinstance(value, list):
        return _sent("{%s}" % ",".join(map(_element, value)))  # noqa: UP031 - braces
    return str(value).encode()


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'
    return str(value)


class _Last(local):
    """The connection this thread used last, with its statements."""

    def __init__(self) -> None:
        self.raw: Connection[Any] | None = None
        self.prepared: Prepared | None = None


_last = _Last()


def prepared(raw: "Connection[Any]") -> Prepared:
    """Return the prepared statements of this thread's connection."""
    if _last.raw is not raw or _last.prepared is None:
        _last.raw, _last.prepared = raw, Prepared(raw)
    return _last.prepared
