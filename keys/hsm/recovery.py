"""When a failing HSM is tried again."""

import hashlib
from collections.abc import Callable

from kmsconsole import randomness

_FIRST_DELAY = 0.5
# With the token away an attempt costs a directory listing and no login, so it is made
# often enough to be back within five seconds of the token.
_LONGEST_WHILE_ABSENT = 4.0
_LONGEST_WHILE_REFUSING = 30.0
# A well HSM that answers a call with a code nobody foresaw gets a new session, but not
# one per call: input that provokes such a code must not become a lever.
_RESTART_INTERVAL = 30.0


class Recovery:
    """The outage of one token, if there is one: since when, until when to wait.

    Not locked: its owner holds the token's lock round each call. Only `failing` is read
    without it.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.failing = False
        self._delay = 0.0
        self._retry_at = float("-inf")
        self._restarted_at = float("-inf")
        self._absent = False
        self._salt = randomness.token_bytes(16)
        self._refused_pin = b""

    def begin(self) -> None:
        """Note an outage: the first new attempt is due at once."""
        self.failing = True

    def due(self) -> bool:
        """Whether an attempt may be made now."""
        return self._monotonic() >= self._retry_at

    def attempt_failed(self, *, absent: bool) -> None:
        """Wait before the next attempt, twice as long each time."""
        if absent != self._absent:
            self._delay = 0.0
        longest = _LONGEST_WHILE_ABSENT if absent else _LONGEST_WHILE_REFUSING
        self._absent = absent
        self._delay = min(max(self._delay * 2, _FIRST_DELAY), longest)
        self.failing = True
        self._retry_at = self._monotonic() + self._delay

    def recovered(self) -> None:
        """Note the end of the outage; one that flaps is still tried twice a second."""
        self.failing = False
        self._delay = 0.0
        self._retry_at = self._monotonic() + _FIRST_DELAY

    def restart_allowed(self) -> bool:
        """Whether an unexplained answer may cost a new session; counts as using it."""
        now = self._monotonic()
        if now - self._restarted_at < _RESTART_INTERVAL:
            return False
        self._restarted_at = now
        return True

    def refuse_pin(self, pin: str) -> None:
        """Never let this PIN be tried again: ten wrong ones lock a real HSM."""
        self._refused_pin = self._digest(pin)

    def pin_refused(self, pin: str) -> bool:
        """Whether this very PIN was refused before."""
        return self._digest(pin) == self._refused_pin

    def _digest(self, pin: str) -> bytes:
        return hashlib.sha256(self._salt + pin.encode()).digest()
