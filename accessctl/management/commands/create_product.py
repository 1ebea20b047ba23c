"""Register a cloud product."""

from typing import Any

from django.core.management.base import CommandParser

from accessctl.models import FIRST_ACCOUNT_UIN
from accessctl.operations.products import CreateProduct
from kmsconsole.management.command import OperatorCommand


class Command(OperatorCommand):
    """Prints its code, SecretId and SecretKey; the secret is not shown again."""

    help = "Register a cloud product; its SecretKey is shown this once."
    default_account = FIRST_ACCOUNT_UIN

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the code and what people call it."""
        super().add_arguments(parser)
        parser.add_argument("code", help="such as cos: lower-case letters and digits")
        parser.add_argument("--name", default="", help="what people call it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run CreateProduct."""
        data = {"Code": options["code"], "Name": options["name"]}
        self.show(self.run(CreateProduct, data, options), options)
