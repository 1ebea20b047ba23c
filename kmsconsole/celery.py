"""Celery: the worker's application, the schedule, and a beat that shows it lives."""

import os
import tempfile
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from celery import Celery
from celery.beat import Scheduler
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_ready
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")

_log = structlog.get_logger(__name__)

_BEAT_SECONDS: Final = 15.0
_OFTEN: Final = timedelta(minutes=1)
_WORKER_SECONDS: Final = 30.0

# Root matters to Celery because of pickle; messages here are JSON.
warnings.filterwarnings("ignore", category=SecurityWarning)


def _filesystem_options(home: Path) -> dict[str, str]:
    """Return where messages lie; every message passes through the folder `tmp`.

    It must be on the disk of the queue for the move to be atomic, and private: whoever
    reads or writes there sees or makes work.
    """
    messages, control, temporary = (
        home / "broker",
        home / "broker/control",
        home / "tmp",
    )
    for folder in (control, temporary):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tempfile.tempdir = str(temporary)
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
    }


def _make_app() -> Celery:
    made = Celery("kmsconsole")
    embedded = settings.CELERY_BROKER_URL.startswith("filesystem:")
    made.conf.update(
        # The transport has no host, but warns when none is named.
        broker_url=(
            "filesystem://localhost//" if embedded else settings.CELERY_BROKER_URL
        ),
        broker_transport="kmsconsole.filebroker:Transport" if embedded else None,
        broker_transport_options=(
            _filesystem_options(settings.KMS_HOME) if embedded else {}
        ),
        # A broker that is away is waited for, however long: the database has the work.
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        accept_content=["json"],
        task_serializer="json",
        # What a task did is in the database and in the audit, nowhere else.
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        # With this broker, concurrent remote control damages its exchange files.
        beat_enable_remote_control=False,
        beat_scheduler="kmsconsole.celery:BeatingScheduler",
        timezone="UTC",
    )
    made.autodiscover_tasks(["keys", "kmsconsole.schedule"])
    return made


app = _make_app()


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return what beat sends: a nudge for each sweep, and the heartbeat."""
    from kmsconsole.schedule.sweeps import sweeps  # noqa: PLC0415 - models load later

    entries = {"heartbeat": _entry("keys.heartbeat", _WORKER_SECONDS)}
    for sweep in sweeps().values():
        seconds = sweep.period.total_seconds()
        entries[sweep.name] = _entry("schedule.sweep", seconds, sweep.name)
    return entries


def _entry(task: str, seconds: float, *arguments: str) -> dict[str, Any]:
    # Nobody needs yesterday's nudge: what was due then is due still.
    return {
        "task": task,
        "schedule": seconds,
        "args": arguments,
        "options": {"expires": seconds},
    }


class BeatingScheduler(Scheduler):
    """The static schedule, kept in memory, with a heartbeat row at most 15 s old."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._beaten_at = float("-inf")
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Take the schedule from the code; nothing is read from disk.

        What is sent seldom is sent at once: a beat that is started again and again
        would never come to it.
        """
        self.install_default_entries(self.data)
        nudges = beat_schedule()
        self.update_from_dict(nudges)
        for name in nudges:
            entry = self.data[name]
            if entry.schedule.run_every > _OFTEN:
                entry.last_run_at -= entry.schedule.run_every

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return how long to sleep, in seconds."""
        self._beat()
        pause: float = super().tick(*args, **kwargs)
        return min(pause, _BEAT_SECONDS)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send one nudge; where the broker is away, the next one serves as well."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:  # noqa: BLE001 - beat must outlive every broker
            cause = error.__cause__ or error
            _log.warning("nudge not sent", entry=entry.name, error=str(cause))

    def _beat(self) -> None:
        moment = time.monotonic()
        if moment - self._beaten_at >= _BEAT_SECONDS:
            self._beaten_at = moment
            _record("beat")


@worker_ready.connect
def _worker_started(**_kwargs: Any) -> None:
    _record("worker")


@setup_logging.connect
def _keep_logging(**_kwargs: Any) -> None:
    """Leave logging as the settings have it; Celery would install its own."""


def _record(name: str) -> None:
    from keys.tasks import record_heartbeat  # noqa: PLC0415 - models load later

    close_old_connections()
    try:
        record_heartbeat(name)
    except DatabaseFailure:
        # A row too old says the same; the process itself must outlive the database.
        _log.warning("heartbeat not written", process=name, exc_info=True)
