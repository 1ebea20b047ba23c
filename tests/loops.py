"""Event loops for tests: in a thread of their own, as the browser's has this one."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PATIENCE_SECONDS = 120


def in_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end and return what it returned."""
    with ThreadPoolExecutor(1, "loop") as thread:
        return thread.submit(asyncio.run, work).result(PATIENCE_SECONDS)
