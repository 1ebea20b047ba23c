"""What has to hold before the service starts: HSM, database, first account, files.

Every step leaves alone what is there already, and is safe to be cut off at any point:
the next start goes on where this one ended.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import Error as DatabaseFailure
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accessctl.models import Account, User
from accessctl.operations.accounts import first_account
from keys import custody
from keys.hsm.errors import HsmError, HsmMismatch
from keys.models import Heartbeat, TokenKey
from kmsconsole import clock, datafolder, env, softhsm
from kmsconsole.errors import KMSError

Say = Callable[[str], None]

# Any number will do, as long as it stays the same.
_PREPARING: Final = 5_265_921
_RESTORE: Final = "put back your copy of it, or start anew with an empty KMS_HOME."


class Refused(Exception):
    """The service must not start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class FirstSignIn:
    """Who signs in first; `password` only where it was drawn in this start."""

    account: int
    user: str
    password: str | None


def prepare(say: Say) -> FirstSignIn:
    """Bring the installation to where it can serve. Raises Refused."""
    home = settings.KMS_HOME
    if settings.PKCS11_MODULE is None:
        _ensure_softhsm(home, say)
    elif not settings.PKCS11_MODULE.is_file():
        message = f"PKCS11_MODULE names no file: {settings.PKCS11_MODULE}"
        raise Refused(message)
    try:
        with _one_after_another():
            first = _begin(home)
            _migrate(home, say)
            _initialise_hierarchy(home, say, first=first)
            _verify_hierarchy()
            sign_in = _first_sign_in()
        _expect_heartbeats()
    except (DatabaseFailure, ImproperlyConfigured) as error:
        raise _no_database(error) from error
    _first_run_mark(home).unlink(missing_ok=True)
    _collect_static(home, say)
    connection.close()
    return sign_in


def is_up_to_date() -> bool:
    """Whether every migration of this version was made. Raises Refused."""
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseFailure, ImproperlyConfigured) as error:
        raise _no_database(error) from error
    connection.close()
    return not plan


def _no_database(error: Exception) -> Refused:
    reason = str(error).partition("\n")[0]
    message = f"The database can't be used: {reason}"
    return Refused(message)


@contextmanager
def _one_after_another() -> Iterator[None]:
    """Let nodes that share a database prepare it in turn.

    The lock is the connection's: it also ends with a node that is killed. SQLite needs
    none, as one process holds its data folder.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_PREPARING])
    try:
        yield
    finally:
        connection.close()


def _ensure_softhsm(home: Path, say: Say) -> None:
    module = softhsm.find_module(home)
    if module is None:
        say("SoftHSM is missing; installing it from Debian's packages")
        try:
            module = softhsm.install(home)
        except softhsm.NotInstallable as problem:
            raise Refused(str(problem)) from None
        say(f"SoftHSM is {module}")
    softhsm.write_configuration(home)


def _first_run_mark(home: Path) -> Path:
    """Return the file that stands there from the first start until it succeeded."""
    return home / "first-run"


def _is_pinned() -> bool:
    """Whether the database knows HSM keys; also asked before the first migration."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    return TokenKey._meta.db_table in tables and TokenKey.objects.exists()  # noqa: SLF001 - Django's documented API


def _begin(home: Path) -> bool:
    """Return whether this is the first start; refuse where half of the data is gone."""
    mark = _first_run_mark(home)
    new = datafolder.is_new(home)
    if not settings.KMS_EMBEDDED_TOKEN:
        if new and not _is_pinned():
            mark.touch()
        return mark.exists()
    token = softhsm.has_token(home)
    pinned = _is_pinned()
    if pinned and not token:
        message = f"The token folder {home / 'tokens'} is missing: {_RESTORE}"
        raise Refused(message)
    if token and not pinned and not mark.exists():
        message = (
            f"There is a token in {home}, but its database has no keys: {_RESTORE}"
        )
        raise Refused(message)
    if token and not pinned:
        # A first start was cut off before its keys were known: nothing was made under
        # them, and a token that was killed while it wrote may be damaged.
        softhsm.discard_token(home)
        token = False
    if token and not _has_pin(home):
        message = f"The token's PIN file {home / 'pin'} is missing: {_RESTORE}"
        raise Refused(message)
    if not token:
        mark.touch()
        _make_token(home)
    return mark.exists()


def _make_token(home: Path) -> None:
    so_pin = env.kept_secret(home / "so_pin", 32)
    label = settings.PKCS11_TOKEN_LABEL
    try:
        softhsm.initialise_token(home, label, custody.first_pin(), so_pin)
    except softhsm.TokenRefused as problem:
        message = f"The token can't be made: {problem}"
        raise Refused(message) from None


def _has_pin(home: Path) -> bool:
    return bool(env.secret("PKCS11_PIN")) or (home / "pin").is_file()


def _migrate(home: Path, say: Say) -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return
    if executor.loader.applied_migrations:
        first = plan[0][0]
        embedded = connection.vendor == "sqlite"
        database = Path(connection.settings_dict["NAME"]) if embedded else None
        kept = datafolder.keep_copy(home, f"{first.app_label}-{first.name}", database)
        if kept is not None:
            say(f"Copied what was there to {kept}")
        if database is None:
            say("The database is no file: its copy is yours to make")
    say(f"Bringing the database up to date ({len(plan)} migrations)")
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)


def _initialise_hierarchy(home: Path, say: Say, *, first: bool) -> None:
    if TokenKey.objects.exists():
        return
    if not first:
        message = (
            "The database has no HSM keys. For a new installation make them with"
            " 'manage.py init_hsm'; otherwise this is not your database."
        )
        raise Refused(message)
    say("Making the root keys in the HSM")
    try:
        custody.initialise()
    except HsmMismatch as problem:
        message = (
            f"The HSM lacks a protection ({problem}). To go on without it:"
            " manage.py init_hsm --accept-missing NAME"
        )
        raise Refused(message) from None
    except HsmError as problem:
        message = f"The HSM refused to make the root keys: {problem}"
        raise Refused(message) from None


def _verify_hierarchy() -> None:
    try:
        custody.keyring().verify_hierarchy()
    except HsmError as problem:
        message = f"The HSM can't be used: {problem}. 'manage.py doctor' says more."
        raise Refused(message) from None
    if settings.KMS_EMBEDDED_TOKEN:
        softhsm.keep_token_object(settings.KMS_HOME)


def _first_sign_in() -> FirstSignIn:
    try:
        password = first_account(env.secret("KMS_ADMIN_PASSWORD"))
    except KMSError as problem:
        message = f"KMS_ADMIN_PASSWORD: {problem.message}"
        raise Refused(message) from None
    account = Account.objects.order_by("created_at", "uin")[0]
    user = User.objects.get(account=account, is_root=True)
    return FirstSignIn(account.uin, user.name, password)


def _expect_heartbeats() -> None:
    """Count beat and worker as heard of now: they have until they are late to start."""
    for name in ("beat", "worker"):
        Heartbeat.objects.update_or_create(name=name, defaults={"at": clock.now()})


def _collect_static(home: Path, say: Say) -> None:
    """Collect and compress what browsers load, when any of it changed."""
    stamp = home / "static.stamp"
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest.hexdigest():
        return
    say("Collecting static files")
    shutil.rmtree(settings.STATIC_ROOT, ignore_errors=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(digest.hexdigest(), encoding="ascii")
