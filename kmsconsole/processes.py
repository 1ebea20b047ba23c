"""The processes a service consists of: how each is started, and with what around it."""

import os
import resource
import sys

from django.conf import settings

from kmsconsole import listening
from kmsconsole.listening import Listener

# Under honcho's own patience of 5 s, after which it kills.
_WORKER_STOP_SECONDS = 4
# Many may wait for clients; how many work at once says kmsconsole.intake.
_THREADS_THAT_WAIT = 512
_THREAD_IDLE_SECONDS = 60
# To a worker, and what each of them may fill with headers: 128 MiB at most.
_CONNECTIONS, _HEADER_BYTES = 2048, 65_536
_HEADER_SECONDS = 15


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
    options = {
        "--interface": "wsgi",
        "--http": "1",
        "--host": listener.address,
        "--port": listener.port,
        "--workers": settings.KMS_WORKERS,
        "--blocking-threads": settings.KMS_THREADS + _THREADS_THAT_WAIT,
        "--blocking-threads-idle-timeout": _THREAD_IDLE_SECONDS,
        "--backlog": _CONNECTIONS,
        "--backpressure": _CONNECTIONS,
        "--http1-buffer-size": _HEADER_BYTES,
        "--http1-header-read-timeout": _HEADER_SECONDS * 1000,
        "--workers-kill-timeout": _WORKER_STOP_SECONDS,
        # SoftHSM leaks a little with every key it unwraps.
        "--workers-max-rss": 512,
        "--working-dir": settings.BASE_DIR,
    }
    if listener.certificate is not None and listener.key is not None:
        options["--ssl-certificate"] = listener.certificate
        options["--ssl-keyfile"] = listener.key
    return [
        *(sys.executable, "-m", "granian"),
        *(str(part) for pair in options.items() for part in pair),
        *("--respawn-failed-workers", "--no-ws", "kmsconsole.serving:application"),
    ]


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
