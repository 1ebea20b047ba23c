"""A word that tests encrypt, and the search for it in all that the service leaves.

Whatever a test sends as plaintext may hold the canary; after the suite nothing in the
data folder and nothing the service printed may.
"""

import base64
from pathlib import Path

from tests.server import RunningServer

WORD = "CANARY-Zx81-never-stored"


def forms(word: str) -> list[bytes]:
    """Return the word as it could be stored: plain, hex, and inside any Base64."""
    raw = word.encode()
    found = [raw, raw.hex().encode(), raw.hex().upper().encode()]
    for shift in range(3):
        # The outer characters of each alignment depend on what stands around.
        text = base64.b64encode(b"\0" * shift + raw)
        found.append(text[4 if shift else 0 :].rstrip(b"=")[:-2])
    return found


def files_with(folder: Path, words: list[bytes]) -> list[str]:
    """Return the files under `folder` that hold one of the words."""
    return [
        file.relative_to(folder).as_posix()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and any(word in file.read_bytes() for word in words)
    ]


def leaks(server: RunningServer) -> list[str]:
    """Return where the canary, the password or the PIN was left."""
    secrets = [form for word in (WORD, server.password) for form in forms(word)]
    pin = (server.home / "pin").read_bytes()
    found = files_with(server.home, secrets)
    # In its own file the PIN belongs; the officer's is another one.
    found += [name for name in files_with(server.home, [pin]) if name != "pin"]
    printed = "\n".join(server.lines).encode()
    found += ["log" for secret in [*secrets, pin] if secret in printed]
    return found
