"""Where quick operations are done: one after the other, and committed together.

Threads that compute at the same time take the interpreter from each other, and each
waits for the disk by itself (docs/performance.md). Here one thread does what came in,
then commits the events of all of it, and only then the answers leave.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

from keys.api.front import Answer, Begun, speaks_api
from kmsconsole import clock
from kmsconsole.operations import operation_named

# Who came first waits for all of a group.
_MOST_AT_ONCE = 16
# How long who comes next waits for those who were just answered.
_PATIENCE_SECONDS = 0.001
# After nobody came, for how many groups nobody is waited for: clients may be far away.
_IMPATIENT_GROUPS = 8


class _Asked(NamedTuple):
    environ: Mapping[str, Any]
    answer: "asyncio.Future[Answer]"


class Lane:
    """Answers API requests for quick operations, for the loop that asks first.

    Its thread has a connection to the database.
    """

    def __init__(self) -> None:
        self._arriving: list[_Asked] = []
        self._waiting: SimpleQueue[list[_Asked]] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._impatient = 0

    def takes(self, environ: Mapping[str, Any]) -> bool:
        """Say whether a request is for the API and names a quick operation."""
        operation = operation_named(environ.get("HTTP_X_TC_ACTION", ""))
        if operation is None or not operation.quick:
            return False
        if environ["PATH_INFO"] != "/" or not speaks_api(environ):
            return False
        if environ["REQUEST_METHOD"] == "GET":
            return operation.is_quick(environ["QUERY_STRING"].encode("latin-1"))
        return operation.is_quick(environ["wsgi.input"].getvalue())

    async def answer(self, environ: Mapping[str, Any]) -> Answer:
        """Return headers and content of the answer, once its event was committed."""
        loop = self._loop or self._begin()
        asked = _Asked(environ, loop.create_future())
        if not self._arriving:
            # Those that arrive at the same time come along.
            loop.call_soon(self._enqueue)
        self._arriving.append(asked)
        return await asked.answer

    def _begin(self) -> asyncio.AbstractEventLoop:
        self._loop = loop = asyncio.get_running_loop()
        Thread(target=self._move, args=(loop,), name="lane", daemon=True).start()
        return loop

    def _enqueue(self) -> None:
        arrived, self._arriving = self._arriving, []
        for start in range(0, len(arrived), _MOST_AT_ONCE):
            self._waiting.put(arrived[start : start + _MOST_AT_ONCE])

    def _move(self, loop: asyncio.AbstractEventLoop) -> None:
        group: list[_Asked] = []
        try:
            while True:
                waiting = self._do(loop, group) if group else []
                group = self._next(waiting, answered=len(group))
        finally:
            # Without its thread a worker answers nobody: another one has to do it.
            os.kill(os.getpid(), signal.SIGTERM)

    def _do(self, loop: asyncio.AbstractEventLoop, group: list[_Asked]) -> list[_Asked]:
        """Answer a group; return who came before its answers left."""
        try:
            answers = Begun([asked.environ for asked in group]).answers()
        except Exception as fault:  # noqa: BLE001 - whoever waits must hear of it
            waiting = self._with_others([])
            loop.call_soon_threadsafe(_give_up, group, fault)
        else:
            waiting = self._with_others([])
            loop.call_soon_threadsafe(_hand_out, group, answers)
        return waiting

    def _next(self, waiting: list[_Asked], answered: int) -> list[_Asked]:
        """Return who is next: who waits, and a moment later who was just answered.

        These come again, if anybody does, and would else be a group of their own.
        """
        expected = min(len(waiting) + answered, _MOST_AT_ONCE)
        group = self._with_others(waiting or self._waiting.get())
        if self._impatient:
            self._impatient -= 1
            return group
        patience = clock.elapsed() + _PATIENCE_SECONDS
        while len(group) < expected and (left := patience - clock.elapsed()) > 0:
            with suppress(Empty):
                group += self._waiting.get(timeout=left)
        if len(group) < expected:
            self._impatient = _IMPATIENT_GROUPS
        return group

    def _with_others(self, group: list[_Asked]) -> list[_Asked]:
        with suppress(Empty):
            while len(group) < _MOST_AT_ONCE:
                group += self._waiting.get_nowait()
        return group


def _give_up(group: list[_Asked], fault: Exception) -> None:
    for asked in group:
        if not asked.answer.done():
            asked.answer.set_exception(fault)


def _hand_out(group: list[_Asked], answers: list[Answer]) -> None:
    for asked, answer in zip(group, answers, strict=True):
        # Whoever asked may have left meanwhile.
        if not asked.answer.done():
            asked.answer.set_result(answer)
