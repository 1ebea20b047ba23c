"""SecretKeys that the HSM opened a moment ago, so that not every request opens one.

Only the opening is spared, never the reading: the row is read at each request, and what
is kept stands under everything the row was sealed with. A disabled, ended
or replaced access key is therefore refused at once.
"""

from threading import Lock

from keys import custody
from kmsconsole import clock
from kmsconsole.principals import SecretKey

LIFETIME_SECONDS = 60.0
MOST = 1_000

_Row = tuple[int, bytes, bytes]


class OpenedSecrets:
    """At most `most` secrets, each for `lifetime` seconds after it was opened."""

    def __init__(self, most: int = MOST, lifetime: float = LIFETIME_SECONDS) -> None:
        self._most = most
        self._lifetime = lifetime
        self._lock = Lock()
        # In the order they were opened, so that the first ones end first.
        self._kept: dict[_Row, tuple[float, SecretKey]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def open(self, epoch: int, sealed: bytes, binding: bytes) -> SecretKey:
        """Return the secret; raises what `Keyring.open_secret` does."""
        row = epoch, sealed, binding
        now = clock.elapsed()
        with self._lock:
            self._forget(now)
            found = self._kept.get(row)
        if found is not None:
            return found[1]
        opened = custody.keyring().open_secret(epoch, sealed, binding)
        secret = SecretKey(opened, "ascii")
        with self._lock:
            self._kept.pop(row, None)
            self._kept[row] = now + self._lifetime, secret
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return secret

    def _forget(self, now: float) -> None:
        """Drop what has ended."""
        while self._kept:
            row, (ends, _) = next(iter(self._kept.items()))
            if now < ends:
                return
            del self._kept[row]
