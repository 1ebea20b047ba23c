"""The embedded token: finds or installs SoftHSM and keeps it in the data folder.

Standard library only, so that it runs before anything else is installed:
`python -m kmsconsole.softhsm --ensure` is what `make test` calls.
"""

import argparse
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_SYSTEM: Final = Path("/")
_PLACES: Final = (
    "usr/lib/softhsm/libsofthsm2.so",
    "usr/lib/{machine}-linux-gnu/softhsm/libsofthsm2.so",
    "usr/lib64/pkcs11/libsofthsm2.so",
    "usr/lib64/softhsm/libsofthsm2.so",
    "usr/local/lib/softhsm/libsofthsm2.so",
)
_PACKAGES: Final = ("softhsm2", "libsofthsm2", "softhsm2-common")
_CONFIGURATION: Final = """\
# Rewritten at every start, as the data folder may have been moved.
directories.tokendir = {tokens}
objectstore.backend = file
log.level = ERROR
slots.removable = false
library.reset_on_fork = true
"""

_OWN_FILE: Final = "token.object"
_KEPT_FILE: Final = "token.object.kept"
_SERIAL_DIGITS: Final = 16
_WRITING_LOOKS: Final = 10
_WRITING_SECONDS: Final = 0.02

_OK: Final = 0x000
_OS_LOCKING_OK: Final = 0x2
_READ_WRITE_SESSION: Final = 0x6
_SECURITY_OFFICER: Final = 0


class NotInstallable(Exception):
    """SoftHSM can't be had here; the text says what to do."""


class TokenRefused(Exception):
    """The token can't be initialised; the text names the call and its answer."""


def find_module(home: Path) -> Path | None:
    """Return SoftHSM's library: the system's, or one unpacked in the data folder."""
    for root in (_SYSTEM, home / "softhsm"):
        for place in _PLACES:
            path = root / place.format(machine=platform.machine())
            if path.is_file():
                return path
    return None


def install(home: Path) -> Path:
    """Install SoftHSM from Debian's packages and return its library.

    As root by apt; otherwise the packages are unpacked under the data folder, where
    nothing of the system is touched. Raises NotInstallable.
    """
    if shutil.which("apt-get") is None:
        message = (
            "SoftHSM is missing and this system has no apt-get: install SoftHSM 2,"
            " or set PKCS11_MODULE to the library of your HSM."
        )
        raise NotInstallable(message)
    try:
        if os.geteuid() == 0:
            _run("apt-get", "-q", "update")
            _run(
                "apt-get", "-q", "install", "-y", "--no-install-recommends", "softhsm2"
            )
        else:
            _unpack(home)
    except (OSError, subprocess.CalledProcessError):
        message = "SoftHSM could not be installed: run 'sudo apt-get install softhsm2'."
        raise NotInstallable(message) from None
    module = find_module(home)
    if module is None:
        message = "SoftHSM's package has no library where it was looked for."
        raise NotInstallable(message)
    return module


def _run(*command: str, cwd: Path | None = None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # What apt says is for the log of whoever started this, not for scripts reading it.
    subprocess.run(  # noqa: S603 - commands of this module, names from PATH as usual
        command, check=True, cwd=cwd, env=environment, stdout=sys.stderr
    )


def _unpack(home: Path) -> None:
    target, work = home / "softhsm", home / "softhsm.part"
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("lists/partial", "archives/partial", "root"):
        (work / folder).mkdir(parents=True, mode=0o700)
    # Lists and archives of its own: the system's are root's, and empty on a new one.
    options = (
        f"-oDir::State::lists={work / 'lists'}",
        f"-oDir::Cache={work}",
        "-oDebug::NoLocking=true",
        "-q",
    )
    _run("apt-get", *options, "update")
    _run("apt-get", *options, "download", *_PACKAGES, cwd=work)
    for package in sorted(work.glob("*.deb")):
        _run("dpkg", "-x", str(package), str(work / "root"))
    shutil.rmtree(target, ignore_errors=True)
    (work / "root").rename(target)
    shutil.rmtree(work, ignore_errors=True)


def write_configuration(home: Path) -> Path:
    """Write softhsm2.conf for this data folder unless it is so already."""
    return _write_configuration(home / "softhsm2.conf", home / "tokens")


def _write_configuration(path: Path, tokens: Path) -> Path:
    text = _CONFIGURATION.format(tokens=tokens.absolute())
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    return path


def has_token(home: Path) -> bool:
    """Whether the data folder holds a token; it appears there only when complete."""
    tokens = home / "tokens"
    return tokens.is_dir() and any(tokens.iterdir())


def discard_token(home: Path) -> None:
    """Remove a token under which nothing was made yet."""
    gone = home / "tokens.gone"
    shutil.rmtree(gone, ignore_errors=True)
    # Half a folder must never pass for a token.
    (home / "tokens").rename(gone)
    shutil.rmtree(gone)


def initialise_token(home: Path, label: str, pin: str, so_pin: str) -> None:
    """Make an empty token in a data folder that has none; raises TokenRefused.

    It is made aside and renamed into place, so that a token that is there is whole.
    Through the library rather than softhsm2-util, which takes PINs as arguments.
    """
    if has_token(home):
        message = "the data folder has a token already"
        raise TokenRefused(message)
    module = find_module(home)
    if module is None:
        message = "SoftHSM is not installed"
        raise TokenRefused(message)
    fresh, tokens = home / "tokens.part", home / "tokens"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    configuration = _write_configuration(home / "softhsm2.conf.part", fresh)
    try:
        with _configured(configuration):
            _initialise(ctypes.CDLL(str(module)), label, pin.encode(), so_pin.encode())
    finally:
        configuration.unlink()
    if tokens.is_dir():
        tokens.rmdir()
    fresh.rename(tokens)
    write_configuration(home)


def keep_token_object(home: Path) -> None:
    """Keep a copy of the token's own file, which SoftHSM writes anew at each login.

    It cuts the file to nothing first: a process killed right then would take the whole
    token along. Only to be called once the token was proved to be whole.
    """
    for path in (home / "tokens").glob(f"*/{_OWN_FILE}"):
        folder, content = path.parent.name, path.read_bytes()
        if _is_of(folder, content) and _kept(home) != (folder, content):
            digest = _digest(folder, content).encode("ascii")
            head = b"%s\n%s\n" % (folder.encode("ascii"), digest)
            _put(home / _KEPT_FILE, head + content)
    # As it was called by versions that did not note whose it is.
    (home / _OWN_FILE).unlink(missing_ok=True)


def mend_token_object(home: Path) -> bool:
    """Put the copy in place of its token's file that was damaged; True where it was.

    A copy that is no longer what was kept, or that is another token's, mends nothing.
    """
    kept = _kept(home)
    if kept is None:
        return False
    folder, content = kept
    path = home / "tokens" / folder / _OWN_FILE
    # Some process may be writing it just now.
    for _ in range(_WRITING_LOOKS):
        if not path.is_file():
            return False
        found = path.read_bytes()
        if len(found) >= len(content) and _is_of(folder, found):
            return False
        time.sleep(_WRITING_SECONDS)
    _put(path, content)
    return True


def _kept(home: Path) -> tuple[str, bytes] | None:
    """Return the token's folder and the copy; None where there is no sound one."""
    try:
        head, digest, content = (home / _KEPT_FILE).read_bytes().split(b"\n", 2)
        folder = head.decode("ascii")
    except (OSError, ValueError):
        return None
    sound = digest.decode("latin-1") == _digest(folder, content)
    return (folder, content) if sound and _is_of(folder, content) else None


def _digest(folder: str, content: bytes) -> str:
    return hashlib.sha256(folder.encode("ascii") + b"\n" + content).hexdigest()


def _is_of(folder: str, content: bytes) -> bool:
    """Say whether content names the token of a folder: its UUID ends in the serial."""
    serial = folder.replace("-", "")[-_SERIAL_DIGITS:]
    return len(serial) == _SERIAL_DIGITS and serial.encode("ascii") in content


def _put(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


@contextmanager
def _configured(configuration: Path) -> Iterator[None]:
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before


class _InitialiseArguments(ctypes.Structure):
    _fields_ = (
        ("mutex_functions", ctypes.c_void_p * 4),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


def _initialise(library: ctypes.CDLL, label: str, pin: bytes, so_pin: bytes) -> None:
    def call(name: str, *arguments: object) -> None:
        answer = getattr(library, name)(*arguments)
        if answer != _OK:
            message = f"{name} answered {answer:#x}"
            raise TokenRefused(message)

    # It may be in use by this process, with another token; that use starts afresh.
    library.C_Finalize(None)
    call("C_Initialize", ctypes.byref(_InitialiseArguments(flags=_OS_LOCKING_OK)))
    try:
        slot, count = ctypes.c_ulong(), ctypes.c_ulong(1)
        call("C_GetSlotList", 0, ctypes.byref(slot), ctypes.byref(count))
        padded = label.encode().ljust(32)
        call("C_InitToken", slot, so_pin, ctypes.c_ulong(len(so_pin)), padded)
        session = ctypes.c_ulong()
        flags = ctypes.c_ulong(_READ_WRITE_SESSION)
        call("C_OpenSession", slot, flags, None, None, ctypes.byref(session))
        officer = ctypes.c_ulong(_SECURITY_OFFICER)
        call("C_Login", session, officer, so_pin, ctypes.c_ulong(len(so_pin)))
        call("C_InitPIN", session, pin, ctypes.c_ulong(len(pin)))
    finally:
        library.C_Finalize(None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Find SoftHSM, install it if asked to, and print where its library is."""
    parser = argparse.ArgumentParser(prog="python -m kmsconsole.softhsm")
    parser.add_argument("--home", type=Path, default=Path("var"))
    parser.add_argument("--ensure", action="store_true", help="install where missing")
    options = parser.parse_args(arguments)
    module = find_module(options.home)
    if module is None and options.ensure:
        try:
            module = install(options.home)
        except NotInstallable as problem:
            sys.stderr.write(f"{problem}\n")
            return 1
    if module is None:
        sys.stderr.write("SoftHSM is not installed.\n")
        return 1
    sys.stdout.write(f"{module}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
