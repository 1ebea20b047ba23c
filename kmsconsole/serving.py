"""What the web server imports in each of its workers."""

import logging
import os
import resource
import signal
import threading
import time
from pathlib import Path

from kmsconsole.supervision import die_with_parent

# Before anything is opened: a worker must not outlive a server that is killed.
die_with_parent(os.getppid())

from kmsconsole import silence  # noqa: E402 - after the line above
from kmsconsole.asgi import application  # noqa: E402

__all__ = ("application",)

_LOOK_SECONDS = 5
# SoftHSM leaks a little with every key it unwraps.
_MOST_BYTES = 512 * 2**20
_PAGES = Path("/proc/self/statm")


def _watch() -> None:
    while True:
        time.sleep(_LOOK_SECONDS)
        silence.shut_silent()
        if _resident_bytes() > _MOST_BYTES:
            # Ends what it has begun; the server starts another one.
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _resident_bytes() -> int:
    return int(_PAGES.read_text().split()[1]) * resource.getpagesize()


# Whoever likes can send what is no HTTP: that is nothing to report.
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
threading.Thread(target=_watch, daemon=True).start()
