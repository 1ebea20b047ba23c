"""Make a main account with its root user."""

from typing import Any

from django.core.management.base import CommandParser

from accessctl.models import FIRST_ACCOUNT_UIN, Account
from accessctl.operations import CreateAccount
from accessctl.uins import new_uin
from kmsconsole.management.command import OperatorCommand


class Command(OperatorCommand):
    """Prints the account's ID, its root user's name and password."""

    help = "Make a main account; its root user's password is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account's name; --account is the ID it shall have."""
        super().add_arguments(parser)
        parser.add_argument("name", help="what people call the account")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run CreateAccount; its event belongs to the new account."""
        others = Account.objects.exists()
        self.default_account = new_uin() if others else FIRST_ACCOUNT_UIN
        self.show(self.run(CreateAccount, {"Name": options["name"]}, options), options)
