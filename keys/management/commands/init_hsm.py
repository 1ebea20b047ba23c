"""Make the HSM keys everything else hangs from."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from keys import custody
from keys.hsm.errors import HsmError


class Command(BaseCommand):
    """Makes root, MAC, sealing and data key, once."""

    help = "Make the root, MAC, sealing and data key on the token and pin them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the protections the operator does without."""
        parser.add_argument(
            "--accept-missing",
            action="append",
            default=[],
            metavar="NAME",
            help="go on although the HSM lacks this protection",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Initialise and say what was made."""
        try:
            pins = custody.initialise(frozenset(options["accept_missing"]))
        except custody.AlreadyInitialised:
            message = (
                "The HSM keys exist already. Making new ones would make every key "
                "unreadable; nothing was changed."
            )
            raise CommandError(message, returncode=1) from None
        except HsmError as error:
            message = f"The HSM refused ({type(error).__name__}): {error}"
            raise CommandError(message, returncode=1) from None
        for pin in pins:
            self.stdout.write(f"{pin.kind} key, epoch {pin.epoch}: {pin.fingerprint}")
