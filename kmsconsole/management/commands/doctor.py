"""Look the installation over and say how to mend what is wrong."""

import dataclasses
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from kmsconsole.diagnosis import Finding, Level, examine


class Command(BaseCommand):
    """Prints one line for each finding; exit code 1 where something must be mended."""

    help = "Check token, database, settings, clock and data folder."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the form of the output."""
        parser.add_argument("--json", action="store_true", help="a list as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Examine and report."""
        findings = examine()
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(one) for one in findings]))
        else:
            for one in findings:
                self.stdout.write(_line(one))
        if any(one.level is Level.MEND for one in findings):
            sys.exit(1)


def _line(finding: Finding) -> str:
    line = f"{finding.level:5} {finding.part}: {finding.text}"
    return f"{line}\n      -> {finding.mend}" if finding.mend else line
