"""What the commands that give and take rights share."""

from typing import Any

from django.core.management.base import CommandParser

from accessctl.models import FIRST_ACCOUNT_UIN
from accessctl.roles import PREFIX, roles
from kmsconsole.management.command import OperatorCommand


class AccessCommand(OperatorCommand):
    """Takes whose right, which one, and on which key."""

    default_account = FIRST_ACCOUNT_UIN

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose, which and where."""
        super().add_arguments(parser)
        parser.add_argument("name", help="sub-account, or group with --group")
        parser.add_argument("right", help="role such as key-user, or an operation")
        parser.add_argument("--group", action="store_true", help="NAME is a group")
        parser.add_argument("--key", help="key ID; without it the whole account")

    def named(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters that both operations have."""
        right = options["right"]
        data: dict[str, Any] = {
            "Groups" if options["group"] else "Users": [options["name"]],
            "Rights": [f"{PREFIX}{right}" if right in roles() else right],
        }
        return data | ({"KeyId": options["key"]} if options["key"] else {})
