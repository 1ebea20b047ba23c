"""What commands that run an operation share."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kmsconsole import randomness
from kmsconsole.errors import KMSError
from kmsconsole.operations import Operation
from kmsconsole.principals import Call, Kind, Principal


class OperatorCommand(BaseCommand):
    """Runs one operation as the operator at the machine; exit code 1 if refused."""

    default_account: int

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what all of them take."""
        parser.add_argument("--account", type=int, default=None, help="account ID")
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def run(
        self, operation: type[Operation], data: dict[str, Any], options: dict[str, Any]
    ) -> dict[str, Any]:
        """Execute, or end with the refusal's text."""
        account = options["account"] or self.default_account
        principal = Principal(Kind.OPERATOR, account, 0, "operator", "command")
        call = Call(
            principal, settings.KMS_REGIONS[0], str(randomness.uuid4()), "local"
        )
        try:
            return operation.execute(call, data).output
        except KMSError as error:
            raise CommandError(error.message, returncode=1) from None

    def show(self, output: dict[str, Any], options: dict[str, Any]) -> None:
        """Print the answer."""
        if options["json"]:
            self.stdout.write(json.dumps(output))
            return
        for name, value in output.items():
            self.stdout.write(f"{name}: {value}")
