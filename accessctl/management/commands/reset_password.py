"""Give a user a new password."""

from typing import Any

from django.core.management.base import CommandParser

from accessctl.models import FIRST_ACCOUNT_UIN
from accessctl.operations import ResetPassword
from kmsconsole.management.command import OperatorCommand


class Command(OperatorCommand):
    """Prints the new password and ends the user's sessions."""

    help = "Give a user a new password and end all of their sessions."
    default_account = FIRST_ACCOUNT_UIN

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user's name."""
        super().add_arguments(parser)
        parser.add_argument("name", help="user name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run ResetPassword."""
        output = self.run(ResetPassword, {"UserName": options["name"]}, options)
        self.show(output, options)
