"""The data folder: one holder at a time, nobody else's eyes, a copy before a change.

Nothing in it stores its own path, so that it may be moved or copied while stopped.
"""

import fcntl
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

# What belongs to us there; a folder with anything else in it is not changed.
_OURS: Final = (
    "before-*",
    "broker",
    "first-run",
    "kms.sqlite3*",
    "pin*",
    "*.lock",
    "secret_key*",
    "so_pin*",
    "softhsm*",
    "static*",
    "tmp",
    "token.object*",
    "tokens*",
)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_PRIVATE: Final = 0o700
# SoftHSM takes `#` for a comment, and the others end the path in a database URL.
_UNUSABLE: Final = frozenset("#?%\n")


class Unusable(Exception):
    """The data folder can't be used; the text says why and how to mend it."""


class InUse(Unusable):
    """Another process holds the data folder."""


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold the folder; the processes started meanwhile hold it as well.

    Raises InUse where somebody holds it.
    """
    with (home / "runall.lock").open("a+", encoding="ascii") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            message = (
                f"kmsconsole already runs on {home} (process {holder}); stop it first,"
                " or give this one a KMS_HOME of its own."
            )
            raise InUse(message) from None
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield


def make_private(home: Path) -> bool:
    """See that nobody else can look into the folder; return whether that was mended.

    Raises Unusable where it isn't ours to mend.
    """
    if _UNUSABLE & set(str(home)):
        message = f"KMS_HOME must not contain any of # ? %: {home}"
        raise Unusable(message)
    found = home.stat()
    if found.st_uid != os.geteuid():
        message = f"{home} belongs to somebody else: run as its owner, or chown it."
        raise Unusable(message)
    if not found.st_mode & _OTHERS:
        return False
    if not all(any(path.match(name) for name in _OURS) for path in home.iterdir()):
        message = (
            f"Others may read {home}, which holds more than kmsconsole's data:"
            f" chmod 700 {home}, or set KMS_HOME to a folder of its own."
        )
        raise Unusable(message)
    home.chmod(_PRIVATE)
    return True


def is_new(home: Path) -> bool:
    """Whether nothing is there yet but what every command makes."""
    made = {"secret_key", "softhsm", "softhsm2.conf"}
    made |= {"login.lock", "runall.lock", "write.lock"}
    return {path.name for path in home.iterdir()} <= made


def is_private(home: Path) -> bool:
    """Whether only the owner, this user, may look into the folder."""
    found = home.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS


def keep_copy(home: Path, name: str, database: Path | None) -> Path | None:
    """Copy database and token aside as `before-<name>`; None where that is there.

    An existing copy is from before a migration that failed: the better one.
    """
    target = home / f"before-{name}"
    if target.exists():
        return None
    fresh = home / f"before-{name}.part"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=_PRIVATE)
    if database is not None:
        # Not named like the live one: there is only one *.sqlite3 in the data folder.
        _copy_database(database, fresh / "kms.sqlite3.copy")
    if (home / "tokens").is_dir():
        shutil.copytree(home / "tokens", fresh / "tokens")
    fresh.rename(target)
    return target


def _copy_database(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(source)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(writer)
