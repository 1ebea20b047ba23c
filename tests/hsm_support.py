"""A real SoftHSM token in a folder of its own, for whoever needs one in a test."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pkcs11  # noqa: TID251 - looks behind the back of the module under test

from keys.hsm.keyring import Keyring, Pin, initialise_hierarchy
from keys.hsm.token import Token, TokenSettings

LABEL = "kmsconsole-test"
PIN = "2468-test"
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
)


def module_path() -> str:
    """Return the SoftHSM library's path, SOFTHSM2_MODULE's first."""
    candidates = (os.environ.get("SOFTHSM2_MODULE", ""), *_MODULES)
    return next(path for path in candidates if path and Path(path).exists())


class TokenFolder:
    """A token in `path`; forks must initialise anew there, as with a real HSM."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tokens = path / "tokens"
        self.away = path / "tokens-away"
        self.configuration = path / "softhsm2.conf"
        self.pin = PIN
        self.tokens.mkdir(mode=0o700)
        self.configuration.write_text(
            f"directories.tokendir = {self.tokens}\n"
            "objectstore.backend = file\n"
            "log.level = ERROR\n"
            "slots.removable = false\n"
            "library.reset_on_fork = true\n",
            encoding="utf-8",
        )
        subprocess.run(
            [
                *("softhsm2-util", "--init-token", "--free", "--label", LABEL),
                *("--pin", PIN, "--so-pin", PIN),
            ],
            env={**os.environ, "SOFTHSM2_CONF": str(self.configuration)},
            check=True,
            capture_output=True,
        )

    def settings(self) -> TokenSettings:
        """Return what a Token needs; it reads `pin` each time it logs in."""
        lock = self.path / "login.lock"
        return TokenSettings(module_path(), LABEL, lambda: self.pin, lock)

    def token(self) -> Token:
        """Return a new way to the token."""
        return Token(self.settings())

    def remove(self) -> None:
        """Move the token folder away, as a pulled HSM would be gone."""
        self.tokens.rename(self.away)

    def restore(self) -> None:
        """Put the token folder back."""
        self.away.rename(self.tokens)


@contextmanager
def token_folder() -> Iterator[TokenFolder]:
    """Make a token, point SoftHSM of this process at it, and remove it afterwards."""
    before = os.environ.get("SOFTHSM2_CONF")
    path = Path(tempfile.mkdtemp(prefix="kmsconsole-hsm-"))
    try:
        folder = TokenFolder(path)
        os.environ["SOFTHSM2_CONF"] = str(folder.configuration)
        yield folder
    finally:
        if before is None:
            os.environ.pop("SOFTHSM2_CONF", None)
        else:
            os.environ["SOFTHSM2_CONF"] = before
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def keyring(capacity: int = 2000) -> Iterator[tuple[Keyring, Token, list[Pin]]]:
    """Make a token with a hierarchy and a keyring over it."""
    with token_folder() as folder:
        token = folder.token()
        pins = initialise_hierarchy(token)
        try:
            yield Keyring(token, lambda: pins, capacity), token, pins
        finally:
            token.close()


def objects(token: Token, *, in_token: bool) -> list[Any]:
    """Return the raw PKCS#11 objects: those in the token, or those of the session."""
    wanted = {pkcs11.Attribute.TOKEN: in_token}
    return token._connection.run(lambda session: list(session.get_objects(wanted)))
