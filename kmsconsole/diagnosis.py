"""What `doctor` looks at: one function for each part, each saying how to mend it."""

import ipaddress
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseFailure
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from keys import custody
from keys.hsm.errors import HsmError, HsmMismatch
from keys.models import Heartbeat, TokenKey
from kmsconsole import clock, datafolder, env, health, softhsm
from kmsconsole.audit.models import AuditEvent
from kmsconsole.schedule.models import ClockState

_CLOCK_TOLERANCE: Final = timedelta(seconds=5)
_SQLITE_FULL: Final = 2


class Level(StrEnum):
    """How much a finding asks of its reader."""

    OK = "ok"
    NOTE = "note"
    MEND = "mend"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `mend` says what to do about it, if anything."""

    part: str
    level: Level
    text: str
    mend: str = ""


def examine() -> list[Finding]:
    """Look at everything, also where an earlier part is broken."""
    return [finding for part in _PARTS for finding in part()]


def _mend(part: str, text: str, mend: str) -> Finding:
    return Finding(part, Level.MEND, text, mend)


def _data_folder() -> Iterator[Finding]:
    home = settings.KMS_HOME
    if datafolder.is_private(home):
        yield Finding("data folder", Level.OK, f"{home} is its owner's alone")
    else:
        yield _mend("data folder", f"others may look into {home}", f"chmod 700 {home}")
    for path in (home / name for name in ("secret_key", "pin", "so_pin")):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield _mend("data folder", f"{path} is too open", f"chmod 600 {path}")


def _settings() -> Iterator[Finding]:
    url = urlsplit(settings.KMS_PUBLIC_URL)
    host = url.hostname or ""
    if url.scheme != "https" and not _is_loopback(host):
        yield _mend(
            "settings",
            f"people reach {settings.KMS_PUBLIC_URL} in clear text",
            "serve it over TLS and set KMS_PUBLIC_URL to its https address",
        )
    else:
        yield Finding("settings", Level.OK, f"served as {settings.KMS_PUBLIC_URL}")
    if env.secret("KMS_ADMIN_PASSWORD"):
        yield Finding(
            "settings",
            Level.NOTE,
            "KMS_ADMIN_PASSWORD is still set, and only the first start reads it",
            "take it out of the environment",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _database() -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        durable = connection.vendor != "sqlite" or _sqlite_is_durable()
    except (DatabaseFailure, ImproperlyConfigured) as error:
        reason = str(error).partition("\n")[0]
        yield _mend("database", f"it can't be used: {reason}", "see DATABASE_URL")
        return
    if plan:
        yield _mend(
            "database",
            f"{len(plan)} migrations are pending",
            "make run, or manage.py migrate after a copy",
        )
    if not durable:
        yield _mend(
            "database",
            "SQLite doesn't write through: an acknowledged change may be lost",
            "take 'PRAGMA synchronous' out of DATABASE_URL",
        )
    if durable and not plan:
        yield Finding("database", Level.OK, f"{connection.vendor}, up to date")


def _sqlite_is_durable() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        return int(cursor.fetchone()[0]) >= _SQLITE_FULL


def _token() -> Iterator[Finding]:
    module = settings.PKCS11_MODULE or softhsm.find_module(settings.KMS_HOME)
    if module is None or not module.is_file():
        yield _mend(
            "token",
            "the PKCS#11 module is missing",
            "apt-get install softhsm2, or set PKCS11_MODULE",
        )
        return
    try:
        if not TokenKey.objects.exists():
            yield _mend("token", "no HSM keys are pinned", "manage.py init_hsm")
            return
        custody.keyring().verify_hierarchy()
    except DatabaseFailure:
        yield _mend("token", "its pins can't be read", "mend the database first")
    except HsmMismatch as problem:
        yield _mend(
            "token",
            f"it isn't the token the database was made with: {problem}",
            f"put back the right token folder ({settings.KMS_HOME / 'tokens'})",
        )
    except HsmError as problem:
        yield _mend(
            "token",
            f"it can't be used: {problem}",
            f"check the token {settings.PKCS11_TOKEN_LABEL!r}, its PIN and {module}",
        )
    else:
        yield Finding("token", Level.OK, f"{module} has every pinned key as pinned")
        yield from _protections()


def _protections() -> Iterator[Finding]:
    for row in TokenKey.objects.order_by("kind", "epoch"):
        if row.accepted_missing:
            yield Finding(
                "token",
                Level.NOTE,
                f"{row} goes without {', '.join(row.accepted_missing)}, as accepted",
            )


def _doubt() -> Iterator[Finding]:
    state = ClockState.objects.filter(pk=1).first()
    if state is not None and state.doubtful(clock.now()):
        until = state.doubt_until
        yield Finding(
            "clock",
            Level.NOTE if until else Level.MEND,
            f"it is in doubt ({state.doubt}): nothing is destroyed"
            + (f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""),
            "check the time, then manage.py clock confirm",
        )


def _clock() -> Iterator[Finding]:
    moment = clock.now()
    try:
        seen = list(Heartbeat.objects.values_list("at", flat=True))
        newest = AuditEvent.objects.order_by("-pk").values_list("time", flat=True)
        seen += list(newest[:1])
    except DatabaseFailure:
        yield _mend("clock", "nothing to compare it with", "mend the database first")
        return
    ahead = max(seen, default=moment) - moment
    if ahead > _CLOCK_TOLERANCE:
        yield _mend(
            "clock",
            f"it is {ahead.total_seconds():.0f} s behind what was written earlier",
            "set the machine's clock; keys fall due by it",
        )
    else:
        yield Finding("clock", Level.OK, "not behind what was written earlier")
    yield from _doubt()


def _processes() -> Iterator[Finding]:
    try:
        with datafolder.held(settings.KMS_HOME):
            yield Finding("processes", Level.NOTE, "the service isn't running")
            return
    except datafolder.InUse:
        pass
    beats = health.heartbeats() or {}
    for name, word in beats.items():
        if word == health.OK:
            yield Finding("processes", Level.OK, f"{name} works")
        else:
            yield _mend("processes", f"{name} is late", f"look for {name} in the log")
    for name in health.late_sweeps():
        yield _mend(
            "processes",
            f"the sweep {name} hasn't run for too long",
            f"look for {name} in the worker's log, or run manage.py sweep {name}",
        )


_PARTS: Final[tuple[Callable[[], Iterator[Finding]], ...]] = (
    _data_folder,
    _settings,
    _database,
    _token,
    _clock,
    _processes,
)
