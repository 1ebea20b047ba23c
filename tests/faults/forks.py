"""Forks of a process that has everything loaded and nothing open."""

import json
import os
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class End:
    """How a fork ended: what it returned, the words of what it raised, its signal."""

    value: Any = None
    error: str = ""
    signal: int = 0


class Fork:
    """Runs `work` in a child process; what it returns must be JSON."""

    def __init__(self, work: Callable[[], Any]) -> None:
        handle, name = tempfile.mkstemp(prefix="fork-")
        os.close(handle)
        self._answer = Path(name)
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            self._run(work)

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            answer = {"value": work()}
        except BaseException:  # noqa: BLE001 - told to the parent
            answer = {"error": traceback.format_exc()}
        self._answer.write_text(json.dumps(answer))
        os._exit(0)

    def wait(self, seconds: float | None = 60) -> End | None:
        """Wait for its end, for ever if need be; None where it goes on."""
        descriptor = os.pidfd_open(self.pid)
        try:
            if not select.select([descriptor], [], [], seconds)[0]:
                return None
        finally:
            os.close(descriptor)
        _, status = os.waitpid(self.pid, 0)
        text = self._answer.read_text()
        self._answer.unlink()
        if os.WIFSIGNALED(status):
            return End(signal=os.WTERMSIG(status))
        return End(**json.loads(text)) if text else End(error=f"exit {status}")

    def kill(self) -> End:
        """End it as the kernel would."""
        os.kill(self.pid, signal.SIGKILL)
        end = self.wait()
        assert end is not None
        return end


def done(work: Callable[[], Any], seconds: float | None = 60) -> Any:
    """Run work in a fork to its end and return what it returned."""
    fork = Fork(work)
    end = fork.wait(seconds)
    if end is None:
        fork.kill()
        message = f"no end after {seconds} s"
        raise TimeoutError(message)
    if end.error or end.signal:
        message = end.error or f"signal {end.signal}"
        raise RuntimeError(message)
    return end.value
