"""Make an access key for a user."""

from typing import Any

from django.core.management.base import CommandParser

from accessctl.models import FIRST_ACCOUNT_UIN
from accessctl.operations import CreateAccessKey
from kmsconsole.management.command import OperatorCommand


class Command(OperatorCommand):
    """Prints SecretId and SecretKey; the key is not shown again."""

    help = "Make a SecretId and SecretKey for a user; the key is shown this once."
    default_account = FIRST_ACCOUNT_UIN

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user's name."""
        super().add_arguments(parser)
        parser.add_argument("--user", required=True, help="user name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run CreateAccessKey."""
        output = self.run(CreateAccessKey, {"UserName": options["user"]}, options)
        self.show(output, options)
