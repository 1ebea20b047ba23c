"""Make a sub-account."""

from typing import Any

from django.core.management.base import CommandParser

from accessctl.models import FIRST_ACCOUNT_UIN
from accessctl.operations import CreateSubAccount
from kmsconsole.management.command import OperatorCommand


class Command(OperatorCommand):
    """Prints account ID, uin and name, and with --console the drawn password."""

    help = "Make a sub-account, which may do nothing until it is given rights."
    default_account = FIRST_ACCOUNT_UIN

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name and whether it signs in to the console."""
        super().add_arguments(parser)
        parser.add_argument("name", help="user name")
        parser.add_argument(
            "--console",
            action="store_true",
            help="may sign in to the console; a password is drawn and shown this once",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run CreateSubAccount."""
        data = {"Name": options["name"], "Console": options["console"]}
        self.show(self.run(CreateSubAccount, data, options), options)
