"""The first step of a start, for where the processes are started one by one."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from kmsconsole import datafolder, preparation, processes


class Command(BaseCommand):
    """Does what `runall` does before it starts the processes."""

    help = (
        "Bring HSM, database, first account and static files to where nodes can serve."
    )
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Exit 0 when everything is there; harmless to repeat, and on every node."""
        processes.protect()
        home = settings.KMS_HOME
        try:
            with datafolder.held(home):
                datafolder.make_private(home)
                first = preparation.prepare(self._say)
        except (datafolder.Unusable, preparation.Refused) as problem:
            sys.exit(f"kmsconsole: {problem}")
        line = f"kmsconsole is prepared: account {first.account}  user {first.user}"
        if first.password is not None:
            line += f"  password {first.password} (shown this once)"
        self._say(line)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
