"""Collects the console's texts into the catalogue; `make messages` calls it."""

import re
from pathlib import Path

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    """Django's own, writing a file that two branches can both add texts to."""

    # A guessed translation would have to be looked for; an empty one fails the test.
    msgmerge_options = [  # noqa: RUF012 - typed by the base class
        *makemessages.Command.msgmerge_options,
        "--no-fuzzy-matching",
        "--sort-output",
    ]

    def write_po_file(self, potfile: str, locale: str) -> None:
        """Write the texts in the order of their words, without the day of the run."""
        super().write_po_file(potfile, locale)
        written = Path(potfile).parent / locale / "LC_MESSAGES" / f"{self.domain}.po"
        text = written.read_text(encoding="utf-8")
        text = re.sub(r'^"POT-Creation-Date:.*\n', "", text, flags=re.MULTILINE)
        written.write_text(text, encoding="utf-8")
