"""Take a right from a sub-account or group."""

from typing import Any

from accessctl.management.access import AccessCommand
from accessctl.operations import RevokeAccess


class Command(AccessCommand):
    """Prints whether anything changed."""

    help = "Take a role or an operation from a sub-account (or group)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run RevokeAccess."""
        self.show(self.run(RevokeAccess, self.named(options), options), options)
