"""Handles of unwrapped keys, kept for a minute so that not every call unwraps.

A key that leaves the cache is destroyed in the HSM, as dropping a Python object frees
nothing there; one that is in use at that moment is destroyed by its last user.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock, Timer
from typing import Generic, TypeVar

from keys.hsm.errors import HsmError
from keys.hsm.token import Handle, Token
from kmsconsole import clock

K = TypeVar("K", bound=Hashable)

_SWEEP_INTERVAL = timedelta(seconds=1)
_WATCHED_EVERY_SECONDS = 4.0


@dataclass(slots=True)
class Lease:
    """One use of a cached handle; give it back with HandleCache.release."""

    handle: Handle
    made_at: datetime
    expires_at: datetime
    users: int = 1
    dropped: bool = False


class HandleCache(Generic[K]):
    """The latest used handles, at most `capacity`, none older than `lifetime`."""

    def __init__(self, token: Token, capacity: int, lifetime: timedelta) -> None:
        self._token = token
        self._capacity = capacity
        self._lifetime = lifetime
        self._leases: OrderedDict[K, Lease] = OrderedDict()
        self._lock = Lock()
        self._swept_at = self._sweep_at = clock.now()
        self._watch: Timer | None = None

    def __len__(self) -> int:
        return len(self._leases)

    def after_fork(self) -> None:
        """Start empty in a child: the handles, and whoever held the lock, are gone."""
        self._lock = Lock()
        self._leases = OrderedDict()
        self._watch = None

    def borrow(self, key: K) -> Lease | None:
        """Return the live handle of this key for one use, if there is one."""
        now = clock.now()
        with self._lock:
            unused = []
            if not self._swept_at <= now < self._sweep_at:
                unused = self._sweep(now)
            lease = self._leases.get(key)
            if lease is not None and self._is_live(lease, now):
                self._leases.move_to_end(key)
                lease.users += 1
            else:
                lease = None
        self._destroy(unused)
        return lease

    def keep(self, key: K, handle: Handle) -> Lease:
        """Add a handle and return it for one use; the oldest make room for it."""
        now = clock.now()
        lease = Lease(handle, now, now + self._lifetime)
        with self._lock:
            unused = self._remove([key])
            self._leases[key] = lease
            surplus = max(0, len(self._leases) - self._capacity)
            unused += self._remove(list(islice(self._leases, surplus)))
            self._watch_over()
        self._destroy(unused)
        return lease

    def release(self, lease: Lease) -> None:
        """Give a handle back; the last user of a dropped one destroys it."""
        with self._lock:
            lease.users -= 1
            last = lease.dropped and not lease.users
        if last:
            self._destroy([lease])

    def drop(self, key: K) -> None:
        """Drop this key's handle."""
        with self._lock:
            unused = self._remove([key])
        self._destroy(unused)

    def discard(self, unwanted: Callable[[K], bool]) -> None:
        """Drop and destroy every handle whose key is unwanted."""
        with self._lock:
            unused = self._remove([key for key in self._leases if unwanted(key)])
        self._destroy(unused)

    def sweep(self) -> None:
        """Drop and destroy what has expired, now."""
        with self._lock:
            unused = self._sweep(clock.now())
        self._destroy(unused)

    def _watch_over(self) -> None:
        """Have handles dropped in time also where nobody asks for any."""
        if self._watch is None:
            self._watch = Timer(_WATCHED_EVERY_SECONDS, self._watched)
            self._watch.daemon = True
            self._watch.start()

    def _watched(self) -> None:
        with self._lock:
            self._watch = None
            unused = self._sweep(clock.now())
            if self._leases:
                self._watch_over()
        self._destroy(unused)

    def _is_live(self, lease: Lease, now: datetime) -> bool:
        # A clock that was put back must not lengthen a handle's life.
        young = lease.made_at <= now < lease.expires_at
        return young and lease.handle.generation == self._token.generation

    def _sweep(self, now: datetime) -> list[Lease]:
        self._swept_at = now
        self._sweep_at = now + _SWEEP_INTERVAL
        return self._remove(
            [k for k, lease in self._leases.items() if not self._is_live(lease, now)]
        )

    def _remove(self, keys: list[K]) -> list[Lease]:
        """Drop these; returns those nobody uses, which are the caller's to destroy."""
        unused = []
        for key in keys:
            lease = self._leases.pop(key, None)
            if lease is None:
                continue
            lease.dropped = True
            if not lease.users:
                unused.append(lease)
        return unused

    def _destroy(self, leases: list[Lease]) -> None:
        # Not under the lock, as the HSM is slow. A session that is lost has taken its
        # objects with it.
        for lease in leases:
            with suppress(HsmError):
                self._token.destroy(lease.handle)
