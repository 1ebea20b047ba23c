"""What a service has acknowledged, written down by whoever it was acknowledged to.

A line reaches the file in one write, so that it survives the death of its writer the
moment after the answer.
"""

import json
import os
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class Ledger:
    """Lines of JSON, added to only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._descriptor = os.open(path, flags, 0o600)

    def note(self, **line: Any) -> None:
        """Add a line."""
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")


def read(path: Path) -> list[Line]:
    """Return the lines; one that was cut off was never acknowledged."""
    lines = []
    for text in path.read_bytes().splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines
