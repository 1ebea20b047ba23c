"""Give a sub-account or group a right."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accessctl.management.access import AccessCommand
from accessctl.operations import GrantAccess


class Command(AccessCommand):
    """Prints whether anything changed."""

    help = "Give a sub-account (or group) a role or an operation."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose, which, where and until when."""
        super().add_arguments(parser)
        parser.add_argument("--until", help="ISO 8601 time with its offset")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run GrantAccess."""
        data = self.named(options)
        if options["until"]:
            data["Until"] = _moment(options["until"])
        self.show(self.run(GrantAccess, data, options), options)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = "--until: write a time such as 2027-01-31T18:00:00+00:00"
        raise CommandError(message) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
