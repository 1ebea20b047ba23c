#!/usr/bin/env python3
"""Runs a management command; `manage.py help` lists them."""

import os
import sys

from django.core.management import execute_from_command_line

from kmsconsole.env import BadSetting


def main() -> None:
    """Run the command line; a setting that can't be used ends it in one line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    try:
        execute_from_command_line(sys.argv)
    except BadSetting as problem:
        sys.exit(f"kmsconsole: {problem}")


if __name__ == "__main__":
    main()
