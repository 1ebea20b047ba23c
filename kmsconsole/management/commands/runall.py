"""The whole service as one command: console, API, worker and beat."""

import http.client
import os
import shlex
import ssl
import sys
import time
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from kmsconsole import datafolder, listening, preparation, processes
from kmsconsole.listening import Listener
from kmsconsole.preparation import FirstSignIn
from kmsconsole.supervision import Supervisor

_PROBE_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 15.0


class Command(BaseCommand):
    """Prepares the data folder, then runs and supervises the processes."""

    help = "Run console, API, worker and beat until Ctrl-C."
    # They look at the code, not at the installation: `make check` runs them.
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Exit 0 after a stop that was asked for, 1 after any other end."""
        processes.protect()
        home = settings.KMS_HOME
        try:
            with datafolder.held(home):
                if datafolder.make_private(home):
                    self._say(f"Took away what others could read in {home}")
                listener = processes.listener()
                sign_in = preparation.prepare(self._say)
                code = _supervise(listener, sign_in)
        except (
            datafolder.Unusable,
            listening.Refused,
            preparation.Refused,
        ) as problem:
            sys.exit(f"kmsconsole: {problem}")
        except KeyboardInterrupt:
            sys.exit("kmsconsole: stopped before it was ready")
        except BrokenPipeError:
            # Nobody reads the log: an end, and nothing to print about it.
            os._exit(1)
        sys.exit(code)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


class _Readiness:
    """Asks /readyz until it answers 200, then says the one line people wait for."""

    def __init__(self, listener: Listener, sign_in: FirstSignIn) -> None:
        self._listener = listener
        self._since = time.monotonic()
        self._warned = False
        self.line = (
            f"kmsconsole is ready: {settings.KMS_PUBLIC_URL}"
            f"  account {sign_in.account}  user {sign_in.user}"
        )
        if sign_in.password is not None:
            self.line += f"  password {sign_in.password} (shown this once)"
        self.reached = False

    def check(self, supervisor: Supervisor) -> bool:
        """Return whether to go on asking."""
        try:
            status, body = self._ask()
        except (OSError, http.client.HTTPException):
            status, body = 0, "no answer"
        if status == http.client.OK:
            self.reached = True
            supervisor.say(self.line)
        elif not self._warned and time.monotonic() - self._since > _PATIENCE_SECONDS:
            self._warned = True
            supervisor.say(f"still not ready: {body}")
        return not self.reached

    def _ask(self) -> tuple[int, str]:
        listener = self._listener
        connection: http.client.HTTPConnection
        if listener.certificate is None:
            connection = http.client.HTTPConnection(
                listener.own_address, listener.port, timeout=_PROBE_SECONDS
            )
        else:
            # To this very machine, about nothing secret: the name need not match.
            context = ssl._create_unverified_context()  # noqa: S323, SLF001
            connection = http.client.HTTPSConnection(
                listener.own_address,
                listener.port,
                timeout=_PROBE_SECONDS,
                context=context,
            )
        try:
            headers = {"Host": f"localhost:{listener.port}", "Connection": "close"}
            connection.request("GET", "/readyz", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()


def _supervise(listener: Listener, sign_in: FirstSignIn) -> int:
    readiness = _Readiness(listener, sign_in)
    supervisor = Supervisor(lambda: readiness.check(supervisor))
    environment = processes.environment()
    for name, command in _commands(listener).items():
        supervisor.add_process(
            name,
            f"exec {shlex.join(command)}",
            env=environment,
            cwd=str(settings.BASE_DIR),
        )
    supervisor.loop()
    if sign_in.password is not None and not readiness.reached:
        # It can't be had again, and the account is there.
        sys.stdout.write(f"{readiness.line.replace('is ready', 'will be at')}\n")
    return 0 if supervisor.stopped_on_request else 1


def _commands(listener: Listener) -> dict[str, list[str]]:
    # Behind the web server, which people wait for, also while everything starts.
    behind = ["nice", "-n", "10"]
    return {
        "web": processes.web(listener),
        "worker": [*behind, *processes.worker()],
        "beat": [*behind, *processes.beat()],
    }
