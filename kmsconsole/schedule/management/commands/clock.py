"""Look at the clock, and confirm it."""

from typing import Any

from django.core.management.base import CommandParser

from kmsconsole.management.command import OperatorCommand
from kmsconsole.schedule.operations import ConfirmClock, DescribeClock


class Command(OperatorCommand):
    """Shows whether the clock is believed, or confirms that it is right."""

    help = "Show whether the clock is in doubt, or confirm it so that deletions go on."
    # The clock is no account's.
    default_account = 0

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        super().add_arguments(parser)
        parser.add_argument("what", choices=("status", "confirm"))

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run DescribeClock or ConfirmClock."""
        confirm = options["what"] == "confirm"
        operation = ConfirmClock if confirm else DescribeClock
        self.show(self.run(operation, {}, options), options)
