"""Change a cloud product."""

from typing import Any

from django.core.management.base import CommandParser

from accessctl.models import FIRST_ACCOUNT_UIN
from accessctl.operations.products import (
    CreateProductCredential,
    DeleteProductCredential,
    UpdateProduct,
)
from kmsconsole.management.command import OperatorCommand


class Command(OperatorCommand):
    """Prints what it is now; a new SecretKey is shown this once."""

    help = "Switch a cloud product on or off, or replace its credential."
    default_account = FIRST_ACCOUNT_UIN

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the code and one thing to do."""
        super().add_arguments(parser)
        parser.add_argument("code", help="such as cos")
        deed = parser.add_mutually_exclusive_group(required=True)
        deed.add_argument("--enable", action="store_true", help="let it work")
        deed.add_argument("--disable", action="store_true", help="refuse all it does")
        deed.add_argument(
            "--new-credential", action="store_true", help="make a second credential"
        )
        deed.add_argument("--delete-credential", metavar="SECRET_ID")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the operation that was chosen."""
        data: dict[str, Any] = {"Code": options["code"]}
        if options["new_credential"]:
            output = self.run(CreateProductCredential, data, options)
        elif secret_id := options["delete_credential"]:
            data["SecretId"] = secret_id
            output = self.run(DeleteProductCredential, data, options)
        else:
            data["Enabled"] = options["enable"]
            output = self.run(UpdateProduct, data, options)
        self.show(output, options)
