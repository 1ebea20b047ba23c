"""Show what is due when."""

import json
from typing import Any

from django.core.management.base import CommandParser

from kmsconsole.management.command import OperatorCommand
from kmsconsole.schedule.operations import ListDue


class Command(OperatorCommand):
    """Prints what is due in all accounts, and what will be, oldest first."""

    help = "Show what is due, and what falls due in the next days, in all accounts."
    # All accounts' together, so no account's.
    default_account = 0

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how far ahead to look."""
        super().add_arguments(parser)
        parser.add_argument("--days", type=int, default=30, help="how far ahead (30)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run ListDue."""
        output = self.run(ListDue, {"Days": options["days"]}, options)
        if options["json"]:
            self.stdout.write(json.dumps(output))
            return
        for row in output["Due"]:
            key = row["KeyId"] or "-"
            where = f"{row['Account']}  {row['Region']}"
            self.stdout.write(f"{row['At']}  {row['Kind']}  {where}  {key}")
        if output["More"]:
            self.stdout.write("... and more")
