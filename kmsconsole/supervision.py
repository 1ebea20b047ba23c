"""Several processes as one: prefixed logs, one end, nothing left behind.

Built on honcho, which runs each command below a runner process that reads its output.
Added here: nothing outlives its parent, also not one that is killed; a stop that
somebody asked for is no failure; and a runner that dies is noticed.
"""

import ctypes
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message
from honcho.process import Popen, Process

from kmsconsole import clock

_PR_SET_PDEATHSIG: Final = 1
_POLL_SECONDS: Final = 0.1
# Longer than the web server waits for its own workers.
STOP_SECONDS: Final = 10.0

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent`, the one that forked it, ends.

    Linux; elsewhere the process may outlive a parent that is killed.
    """
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have ended before the line above.
    if os.getppid() != parent:
        os._exit(1)


def _prepare_command(runner: int) -> None:
    die_with_parent(runner)
    # Ignored signals stay so over an exec; the runner ignores these two.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _Process(Process):
    """A runner that dies with the supervisor, and its command with the runner."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._supervisor = os.getpid()
        self._child_ctor = self._start_command

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:  # noqa: FBT001, FBT002 - honcho's signature
        # From the first moment: a Ctrl-C reaches the whole terminal group.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        die_with_parent(self._supervisor)
        super().run(events, ignore_signals)

    @staticmethod
    def _start_command(command: str, **options: Any) -> Popen:
        # A runner has one thread when it starts its command, so forking is safe.
        # A group of its own, to be stopped as one, but in our session: the kernel
        # weighs niceness only among the processes of one session.
        return Popen(
            command,
            preexec_fn=partial(_prepare_command, os.getpid()),
            start_new_session=False,
            process_group=0,
            **options,
        )


class Supervisor(Manager):
    """Runs commands until one ends or a signal asks for the end; then ends them all.

    `watch` is called ten times a second, in a thread, until it returns False.
    """

    def __init__(self, watch: Callable[[], bool]) -> None:
        # Runners must be forks: a process started otherwise has another parent.
        multiprocessing.set_start_method("fork", force=True)
        super().__init__()
        self._process_ctor = _Process
        self._watch = watch
        self._asked_at: float | None = None
        self._lost: set[str] = set()

    @property
    def stopped_on_request(self) -> bool:
        """Whether a signal ended it, rather than a process."""
        return self._asked_at is not None

    def loop(self) -> None:
        """Block until every process has ended, whatever happens to this one."""
        try:
            super().loop()
        finally:
            # Also after an error here, such as an output that nobody reads any more.
            for entry in self._processes.values():
                if "pid" in entry and "returncode" not in entry:
                    self._procmgr.kill(entry["pid"])

    def say(self, line: str) -> None:
        """Print a line among the processes' own; any thread may."""
        self._put("line", SYSTEM_PRINTER_NAME, f"{line}\n")

    def _put(self, kind: str, name: str, data: object) -> None:
        moment = clock.now().astimezone()
        self.events.put(Message(kind, data, moment, name, None))

    def _start(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)
        super()._start()
        threading.Thread(target=self._attend, daemon=True).start()

    def _ask(self, _number: int, _frame: object) -> None:
        # No more than this: a handler may run in the middle of a print.
        if self._asked_at is None:
            self._asked_at = time.monotonic()

    def _attend(self) -> None:
        watching = True
        while True:
            time.sleep(_POLL_SECONDS)
            if self._asked_at is not None and self._all_started():
                self.terminate()
                if time.monotonic() - self._asked_at > STOP_SECONDS:
                    self.kill()
                    return
            elif watching:
                watching = self._watch()
            self._report_lost_runners()

    def _report_lost_runners(self) -> None:
        """Say for a runner that died what it would have said itself."""
        for name, entry in self._processes.items():
            runner = entry.get("process")
            if runner is None or runner.exitcode in {None, 0} or name in self._lost:
                continue
            self._lost.add(name)
            if "returncode" in entry:
                continue
            if entry.get("pid") is None:
                self._put("start", name, {"pid": runner.pid})
            self._put("stop", name, {"returncode": runner.exitcode})
