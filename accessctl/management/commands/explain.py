"""Say whether somebody may do something, and why."""

from typing import Any

from django.core.management.base import CommandParser

from accessctl.models import FIRST_ACCOUNT_UIN
from accessctl.operations import ExplainAccess
from kmsconsole.management.command import OperatorCommand


class Command(OperatorCommand):
    """Prints the decision, the rule it rests on and the steps to it."""

    help = "Say whether a user may do an operation, and why."
    default_account = FIRST_ACCOUNT_UIN

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who, what and where."""
        super().add_arguments(parser)
        parser.add_argument("name", help="user name")
        parser.add_argument("operation", help="such as Encrypt")
        parser.add_argument("--key", help="key ID; without it the whole account")
        parser.add_argument("--address", default="", help="where the user comes from")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run ExplainAccess."""
        data = {
            "UserName": options["name"],
            "Operation": options["operation"],
            "Address": options["address"],
        }
        if options["key"]:
            data["KeyId"] = options["key"]
        self.show(self.run(ExplainAccess, data, options), options)
