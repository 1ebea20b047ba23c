"""What each web worker looks after from time to time, beside answering."""

import logging
import os
import resource
import signal
import threading
import time
import traceback
from asyncio import CancelledError
from pathlib import Path

from kmsconsole import randomness, silence
from kmsconsole.places import ClientLeft

_LOOK_SECONDS = 5.0
# SoftHSM leaks a little with every key it unwraps.
_MOST_BYTES = 512 * 2**20
# Workers grow alike, and must not all end at once: some do up to a fifth earlier.
_STEPS = 100
_PAGES = Path("/proc/self/statm")


def begin(most_bytes: int = _MOST_BYTES, look_seconds: float = _LOOK_SECONDS) -> None:
    """Shut silent connections, and end this worker once it has grown too large."""
    logger = logging.getLogger("uvicorn.error")
    # Whoever likes can send what is no HTTP: that is nothing to report.
    logger.setLevel(logging.ERROR)
    logger.addFilter(tell_fault)
    most = most_bytes - most_bytes // 5 * (randomness.uuid4().int % _STEPS) // _STEPS
    threading.Thread(target=_watch, args=(most, look_seconds), daemon=True).start()


def _watch(most_bytes: int, look_seconds: float) -> None:
    while True:
        time.sleep(look_seconds)
        silence.shut_silent()
        if _resident_bytes() > most_bytes:
            # Ends what it has begun; the server starts another one.
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _resident_bytes() -> int:
    return int(_PAGES.read_text().split()[1]) * resource.getpagesize()


def tell_fault(record: logging.LogRecord) -> bool:
    """Leave of an exception only its type and places: its text may quote input.

    False for what is no fault: somebody left, or the worker ends.
    """
    fault = record.exc_info[1] if record.exc_info else None
    if isinstance(fault, (CancelledError, ClientLeft)):
        return False
    if fault is not None:
        places = traceback.extract_tb(fault.__traceback__)[::-1]
        at = " < ".join(f"{at.filename}:{at.lineno} {at.name}" for at in places)
        record.msg = f"Request failed: {type(fault).__name__} at {at}"
        record.args, record.exc_info, record.exc_text = None, None, None
    return True
