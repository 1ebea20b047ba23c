"""C_Initialize and C_Finalize by ctypes, and the one template PKCS#11 nests.

python-pkcs11 passes no arguments to C_Initialize, which tells the module that the
process has one thread, and yet releases the interpreter lock in every call: two threads
then crash the process. This passes CKF_OS_LOCKING_OK.
"""

import ctypes
import os
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any

_CKR_OK = 0x000
_CKR_ALREADY_INITIALISED = 0x191
_CKF_OS_LOCKING_OK = 0x2


class LibraryRefused(Exception):
    """C_Initialize answered with an error, or the module cannot be loaded."""


class _InitialiseArguments(ctypes.Structure):
    _fields_ = (
        ("mutex_functions", ctypes.c_void_p * 4),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


class _Attribute(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_ulong),
        ("value", ctypes.c_void_p),
        ("length", ctypes.c_ulong),
    )


# C booleans that live as long as the process: nested templates point at them.
_FALSE, _TRUE = ctypes.c_ubyte(0), ctypes.c_ubyte(1)


def initialise(module: str) -> None:
    """Initialise the module at this path afresh, for use by many threads.

    Where it is initialised already, by an earlier use or in the process this one was
    forked from, it is finalised first: PKCS#11 asks a child to initialise anew, and a
    forked session must not be shared with the parent. Raises LibraryRefused.
    """
    try:
        library = ctypes.CDLL(module)
        arguments = _InitialiseArguments(flags=_CKF_OS_LOCKING_OK)
        answer = library.C_Initialize(ctypes.byref(arguments))
        if answer == _CKR_ALREADY_INITIALISED:
            library.C_Finalize(None)
            answer = library.C_Initialize(ctypes.byref(arguments))
    except (OSError, AttributeError) as error:
        message = "the PKCS#11 module cannot be loaded"
        raise LibraryRefused(message) from error
    if answer != _CKR_OK:
        message = f"the PKCS#11 module refused to start (code {answer:#x})"
        raise LibraryRefused(message)


def finalise(module: str) -> None:
    """End every session of this process; an answer is of no interest."""
    ctypes.CDLL(module).C_Finalize(None)


def pack_flags(flags: Mapping[int, bool]) -> bytes:
    """Return a CK_ATTRIBUTE array of booleans, for UNWRAP_TEMPLATE."""
    array = (_Attribute * len(flags))()
    for index, (attribute, value) in enumerate(flags.items()):
        flag = _TRUE if value else _FALSE
        array[index] = _Attribute(attribute, ctypes.addressof(flag), 1)
    return bytes(array)


class Module:
    """One PKCS#11 module of this process: its lock, and which initialisation is on.

    C_Initialize belongs to the process, so everything that uses the module shares this.
    `load` makes python-pkcs11's object for a path and initialises it by doing so.
    """

    def __init__(self, path: str, load: Callable[[str], Any]) -> None:
        self._path = path
        self._load = load
        self._library: Any = None
        self.lock = RLock()
        self.pid = os.getpid()
        self.epoch = 0

    def start(self) -> Any:
        """Initialise, ending all sessions of before; raises LibraryRefused."""
        self.epoch += 1
        if self._library is None:
            # Loading initialises; a second load where the first one failed is harmless.
            self._library = self._load(self._path)
        else:
            self._library.initialize()
        return self._library

    def stop(self) -> None:
        """End all sessions of this process."""
        self.epoch += 1
        if self._library is not None:
            self._library.finalize()

    def forked(self) -> None:
        """Take over in a child: the lock may be held by a thread that is not here."""
        self.lock = RLock()
        self.pid = os.getpid()
        self.epoch += 1


_modules: dict[str, Module] = {}


def module_at(path: str, load: Callable[[str], Any]) -> Module:
    """Return the process's one Module for a path; nothing is loaded yet."""
    return _modules.setdefault(path, Module(path, load))


def _after_fork() -> None:
    for module in _modules.values():
        module.forked()


os.register_at_fork(after_in_child=_after_fork)
