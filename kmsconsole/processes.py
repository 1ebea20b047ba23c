"""The processes a service consists of: how each is started, and with what around it."""

import os
import resource
import sys

from django.conf import settings

from kmsconsole import listening
from kmsconsole.listening import Listener


def protect() -> None:
    """Let nobody else read what this process writes, nor what is left when it dies."""
    os.umask(0o077)
    # A core dump would hold plaintext and PINs.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def listener() -> Listener:
    """Return where settings have the web server listen. Raises listening.Refused."""
    return listening.listener(
        settings.KMS_HOST,
        settings.KMS_PORT,
        (settings.KMS_TLS_CERT, settings.KMS_TLS_KEY),
        settings.KMS_TRUSTED_PROXIES,
    )


def web(listener: Listener) -> list[str]:
    """Return the command of the web server."""
    command = [sys.executable, "-m", "kmsconsole.web", listener.address]
    command += [str(listener.port), str(settings.KMS_WORKERS)]
    if listener.certificate is not None and listener.key is not None:
        command += [str(listener.certificate), str(listener.key)]
    return command


def worker() -> list[str]:
    """Return the command of a worker; any number of them may run."""
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return [*_celery(), "worker", "--pool=solo", "--loglevel=INFO", *alone]


def beat() -> list[str]:
    """Return the command of beat; a second one does no harm and no good."""
    return [*_celery(), "beat", "--loglevel=INFO"]


def _celery() -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "-A", "kmsconsole.celery"]


def environment() -> dict[str, str]:
    """Return the processes' environment: this one, without the first password."""
    dropped = {"KMS_ADMIN_PASSWORD", "KMS_ADMIN_PASSWORD_FILE"}
    temporary = settings.KMS_HOME / "tmp"
    temporary.mkdir(exist_ok=True)
    kept = {name: text for name, text in os.environ.items() if name not in dropped}
    own = {"CELERY_SKIP_CHECKS": "1", "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)}
    return kept | own
