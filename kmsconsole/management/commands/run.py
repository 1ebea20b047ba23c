"""One process of the service, for a supervisor that starts each by itself."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from kmsconsole import listening, preparation, processes


class Command(BaseCommand):
    """Becomes the process; `manage.py prepare` goes before it."""

    help = "Run one of web, worker and beat."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name of the process."""
        parser.add_argument("process", choices=("web", "worker", "beat"))

    def handle(self, *_args: Any, process: str, **_options: Any) -> None:
        """Never returns: signals and the exit code are the process's own."""
        processes.protect()
        try:
            if not preparation.is_up_to_date():
                sys.exit("kmsconsole: the database is not of this version: prepare it")
            command = _command(process)
        except (listening.Refused, preparation.Refused) as problem:
            sys.exit(f"kmsconsole: {problem}")
        os.chdir(settings.BASE_DIR)
        os.execve(command[0], command, processes.environment())  # noqa: S606 - our own


def _command(process: str) -> list[str]:
    if process == "web":
        return processes.web(processes.listener())
    return processes.worker() if process == "worker" else processes.beat()
