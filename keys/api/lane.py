"""Where quick operations are done: one after the other, and committed together.

Threads that compute at the same time take the interpreter from each other, and each
waits for the disk by itself (docs/performance.md). Here one thread does what came in,
commits the events of all of it, and only then the answers leave. What comes in
meanwhile is next.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from keys.api import front
from keys.api.front import Answer
from kmsconsole.operations import operation_named

# Who came first waits for all of a group.
_MOST_AT_ONCE = 16


class _Asked(NamedTuple):
    environ: Mapping[str, Any]
    answer: "asyncio.Future[Answer]"


class Lane:
    """Answers API requests for quick operations; its thread has its own connection."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "lane")
        self._waiting: deque[_Asked] = deque()
        self._is_moving = False

    def takes(self, environ: Mapping[str, Any]) -> bool:
        """Say whether a request is for the API and names a quick operation."""
        operation = operation_named(environ.get("HTTP_X_TC_ACTION", ""))
        return (
            operation is not None
            and operation.quick
            and environ["PATH_INFO"] == "/"
            and front.speaks_api(environ)
        )

    async def answer(self, environ: Mapping[str, Any]) -> Answer:
        """Return headers and content of the answer, once its event was committed."""
        loop = asyncio.get_running_loop()
        asked = _Asked(environ, loop.create_future())
        self._waiting.append(asked)
        if not self._is_moving:
            self._is_moving = True
            # Those that came at the same time come along.
            loop.call_soon(self._thread.submit, self._work, loop)
        return await asked.answer

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while group := self._next():
                answers = front.answers([asked.environ for asked in group])
                loop.call_soon_threadsafe(_hand_out, group, answers)
        finally:
            loop.call_soon_threadsafe(self._rest, loop)

    def _next(self) -> list[_Asked]:
        group: list[_Asked] = []
        while self._waiting and len(group) < _MOST_AT_ONCE:
            group.append(self._waiting.popleft())
        return group

    def _rest(self, loop: asyncio.AbstractEventLoop) -> None:
        # Something may have come since the thread looked last.
        self._is_moving = bool(self._waiting)
        if self._is_moving:
            self._thread.submit(self._work, loop)


def _hand_out(group: list[_Asked], answers: list[Answer]) -> None:
    for asked, answer in zip(group, answers, strict=True):
        # Whoever asked may have been given up meanwhile.
        if not asked.answer.done():
            asked.answer.set_result(answer)
