"""Do what is due, by hand."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kmsconsole.schedule.running import run
from kmsconsole.schedule.sweeps import sweeps


class Command(BaseCommand):
    """Runs one sweep or all of them to the end; exit code 1 where anything failed."""

    help = "Do what is due now: all of it, or one sweep's. Harmless to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the sweep's name and the form of the output."""
        parser.add_argument("name", nargs="?", help="one sweep; without it all")
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run, then print how many rows were due, done, held and failed."""
        chosen = sweeps()
        if options["name"]:
            if options["name"] not in chosen:
                message = f"There is no such sweep; there are {', '.join(chosen)}."
                raise CommandError(message, returncode=2)
            chosen = {options["name"]: chosen[options["name"]]}
        tallies = {name: run(sweep)[0] for name, sweep in chosen.items()}
        if options["json"]:
            figures = {name: tally.figures() for name, tally in tallies.items()}
            self.stdout.write(json.dumps(figures))
        else:
            for name, tally in tallies.items():
                words = ", ".join(f"{n} {word}" for word, n in tally.figures().items())
                self.stdout.write(f"{name}: {words} {tally.failure}".rstrip())
        if any(tally.failed for tally in tallies.values()):
            sys.exit(1)
