"""The process's one login session: when it is opened, proved, lost and refused.

It is opened when first needed and never closed, as closing it would log the whole
process out. Every call holds the module's lock. After a fork, a lost session or an
outage the module is initialised anew, and every handle from before is stale: its number
may by then mean another key.
"""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol, TypeVar

from keys.hsm import library
from keys.hsm.errors import (
    BadData,
    Failure,
    HsmDown,
    HsmError,
    HsmLimit,
    HsmMismatch,
    HsmPinRefused,
    StaleHandle,
    failure_named,
)
from keys.hsm.recovery import Recovery
from keys.hsm.turn import turn

T = TypeVar("T")

# A token that vanished is noticed within this time. Until then a cached handle still
# works, as SoftHSM keeps session objects in memory.
PRESENCE_SECONDS: Final = 1.0
# Far longer than any call made under the lock: who waits this long meets an HSM that
# hangs, and is refused instead of queueing for ever.
_WAIT_SECONDS: Final = 5.0

_PIN_REFUSED: Final = "the HSM refused the PIN; correct it, it is not tried again"

# Unique in the process and kept over a fork, so that no two sessions share a number.
_generations = count(1)


@dataclass(frozen=True)
class TokenSettings:
    """Where the token is: path of the PKCS#11 module, label, source of the PIN.

    `lock` is the file whose lock processes hold while they open it (turn.py), if any.
    """

    module: str
    label: str
    pin: Callable[[], str] = field(repr=False)
    lock: Path | None = None


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """Whether the HSM can be used now, and if not why, in words safe to show."""

    ready: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Handle:
    """A key in the HSM, for as long as the session it was found in lives."""

    key: Any = field(repr=False)
    generation: int


@dataclass(frozen=True, slots=True)
class _KnownAnswer:
    object_id: bytes
    message: bytes
    sha256: str


class Driver(Protocol):
    """What a connection needs of a PKCS#11 binding; all but `load` raise `error`."""

    error: type[Exception]

    def load(self, path: str) -> Any:
        """Load and initialise the module, as its `initialize()` does again later.

        Both raise library.LibraryRefused; `finalize()` ends all sessions.
        """

    def find_tokens(self, module: Any, label: str) -> list[Any]:
        """Return the tokens of this label."""

    def open(self, token: Any, pin: str) -> Any:
        """Return a session of the logged-in user."""

    def is_present(self, session: Any) -> bool:
        """Whether the session's token still answers to its label."""

    def find(self, session: Any, object_id: bytes) -> list[Any]:
        """Return the secret keys of this id."""

    def hmac(self, key: Any, message: bytes) -> bytes:
        """Return HMAC-SHA256 of the message."""


class Connection:
    """The way from this process to one token. Raises nothing but HsmError."""

    def __init__(
        self,
        settings: TokenSettings,
        driver: Driver,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._driver = driver
        self._module = library.module_at(settings.module, driver.load)
        # Intervals inside one process: unlike the wall clock it never goes back.
        self._monotonic = monotonic
        self._recovery = Recovery(monotonic)
        self._session: Any = None
        self._epoch = 0
        self._known: _KnownAnswer | None = None
        self._canary: Any = None
        self._checked_at = float("-inf")
        self.generation = 0
        self.initialisations = 0
        self.logins = 0

    def expect(self, object_id: bytes, message: bytes, sha256: str) -> None:
        """Say what proves the token: the HMAC of `message` under the MAC key.

        `sha256` is the hex digest of that HMAC. It is computed before any use of the
        token that is a second younger than the last proof, and whenever data is
        refused, to tell bad data from a broken token.
        """
        self._known = _KnownAnswer(object_id, message, sha256)
        self._canary = None
        self._checked_at = float("-inf")

    def status(self) -> TokenStatus:
        """Prove the token now; never raises."""
        try:
            self._enter()
            try:
                self._checked_at = float("-inf")
                self._ensure_open()
            finally:
                self._module.lock.release()
        except HsmError as error:
            return TokenStatus(ready=False, detail=str(error))
        return TokenStatus(ready=True, detail="")

    def doubt(self) -> None:
        """Prove the token anew before its next use: it said something unlikely."""
        self._checked_at = float("-inf")

    def lend_pin(self) -> str:
        """Return the PIN for one login of another process, the token being well.

        HsmPinRefused where it was refused before; `refuse_pin` says that it now was.
        """
        self._enter()
        try:
            self._ensure_open()
            pin = self._pin()
            self.logins += 1
        finally:
            self._module.lock.release()
        return pin

    def refuse_pin(self, pin: str) -> None:
        """Never present this PIN again."""
        with self._module.lock:
            self._recovery.refuse_pin(pin)

    def close(self) -> None:
        """End the session; the next use opens a new one."""
        with self._module.lock:
            if self._session is not None and self._epoch == self._module.epoch:
                self._module.stop()
            self._session = None

    def _enter(self) -> None:
        if self._module.pid != os.getpid():
            self._module.forked()
        # During an outage one caller tries to end it; the others are refused at once.
        waits = 0.0 if self._recovery.failing else _WAIT_SECONDS
        if not self._module.lock.acquire(timeout=waits):
            message = "the HSM is not answering"
            raise HsmDown(message)

    def run(
        self, work: Callable[[Any], T], *handles: Handle, untrusted: bool = False
    ) -> T:
        """Do `work(session)` under the lock; `untrusted` says it was given data."""
        self._enter()
        try:
            session = self._ensure_open()
            for handle in handles:
                if handle.generation != self.generation:
                    raise StaleHandle
            try:
                return work(session)
            except self._driver.error as error:
                name = type(error).__name__
            self._settle(name, untrusted=untrusted)
        finally:
            self._module.lock.release()

    def run_if_kept(self, work: Callable[[], object], handle: Handle) -> None:
        """Do work that is pointless once the handle's session is gone, if it is not.

        It opens none and proves none: whoever gave a session up, and cleans up after
        it, would otherwise end the one that another connection of this process has.
        """
        self._enter()
        try:
            kept = self._session is not None and self._epoch == self._module.epoch
            if not kept or handle.generation != self.generation:
                return
            try:
                work()
            except self._driver.error as error:
                name = type(error).__name__
            else:
                return
            self._settle(name, untrusted=False)
        finally:
            self._module.lock.release()

    def run_again(self, work: Callable[[Any], T]) -> T:
        """Do work that uses no handle, once more where the session had gone."""
        try:
            return self.run(work)
        except StaleHandle:
            return self.run(work)

    def _ensure_open(self) -> Any:
        if self._session is None or self._epoch != self._module.epoch:
            self._open()
        elif not self._proved_lately() and not self._proved():
            self._lose()
            self._open()
        return self._session

    def _proved_lately(self) -> bool:
        return self._monotonic() - self._checked_at <= PRESENCE_SECONDS

    def _lose(self) -> None:
        self._session = None
        self.generation = next(_generations)
        self._recovery.begin()

    def _open(self) -> None:
        if self._recovery.failing and not self._recovery.due():
            message = "the HSM is down; waiting to try it again"
            raise HsmDown(message)
        self._session = self._canary = None
        self.generation = next(_generations)
        pin = self._pin()
        failure: Failure | None = None
        try:
            with turn(self._settings.lock):
                token = self._find_token()
                self.logins += 1
                session = self._driver.open(token, pin)
        except self._driver.error as error:
            failure = failure_named(type(error).__name__)
        else:
            self._session = session
            if self._proved():
                self._recovery.recovered()
                return
            self._session = None
        if failure is Failure.PIN:
            # Not a matter of waiting: another PIN is tried at once, this one never.
            self._recovery.refuse_pin(pin)
            raise HsmPinRefused(_PIN_REFUSED)
        self._recovery.attempt_failed(absent=False)
        message = "the HSM refused a session"
        if failure is None:
            message = "the HSM's keys do not give the answers recorded of them"
        raise HsmDown(message)

    def _pin(self) -> str:
        try:
            pin = self._settings.pin()
        except OSError:
            message = "the HSM's PIN cannot be read"
            raise HsmDown(message) from None
        if self._recovery.pin_refused(pin):
            raise HsmPinRefused(_PIN_REFUSED)
        return pin

    def _find_token(self) -> Any:
        message = "the HSM has no token of the configured label, or several"
        try:
            module = self._module.start()
            self.initialisations += 1
            self._epoch = self._module.epoch
            found = self._driver.find_tokens(module, self._settings.label)
        except library.LibraryRefused as refusal:
            found, message = [], str(refusal)
        except self._driver.error:
            found, message = [], "the PKCS#11 module cannot be loaded, or lists nothing"
        if len(found) != 1:
            self._recovery.attempt_failed(absent=True)
            raise HsmDown(message)
        return found[0]

    def _proved(self) -> bool:
        """Whether the token is there and gives the known answer."""
        self._checked_at = self._monotonic()
        try:
            if self._known is None:
                with turn(self._settings.lock):
                    return self._driver.is_present(self._session)
            if self._canary is None:
                found = self._driver.find(self._session, self._known.object_id)
                if len(found) != 1:
                    return False
                self._canary = found[0]
            answer = self._driver.hmac(self._canary, self._known.message)
        except self._driver.error:
            return False
        return hashlib.sha256(answer).hexdigest() == self._known.sha256

    def _settle(self, name: str, *, untrusted: bool) -> NoReturn:
        """Turn a PKCS#11 error into this package's, and lose the session if need be."""
        failure = failure_named(name)
        if failure is Failure.STALE_HANDLE:
            raise StaleHandle
        if failure is Failure.STALE_SESSION:
            self._lose()
            raise StaleHandle
        if failure is Failure.LIMIT:
            message = "the HSM is out of sessions or memory"
            raise HsmLimit(message)
        if failure is Failure.TEMPLATE:
            message = "the HSM does not take this template"
            raise HsmMismatch(message)
        if not self._proved():
            self._lose()
        elif untrusted and failure is Failure.DATA:
            raise BadData
        elif self._recovery.restart_allowed():
            self._lose()
        message = "the HSM failed"
        raise HsmDown(message)
