"""Remove the second factors of a user."""

from typing import Any

from django.core.management.base import CommandParser

from accessctl.models import FIRST_ACCOUNT_UIN
from accessctl.operations import ResetFactors
from kmsconsole.management.command import OperatorCommand


class Command(OperatorCommand):
    """Removes the factors and ends the user's sessions."""

    help = "Remove the second factors of a user and end all of their sessions."
    default_account = FIRST_ACCOUNT_UIN

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user's name."""
        super().add_arguments(parser)
        parser.add_argument("name", help="user name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run ResetFactors."""
        output = self.run(ResetFactors, {"UserName": options["name"]}, options)
        self.show(output, options)
