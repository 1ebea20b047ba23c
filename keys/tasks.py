"""Scheduled work: each task finds what is due in the database and does it.

Messages carry no data: the database says what is due, so a lost message only makes the
work late and a doubled one does nothing.
"""

from celery import shared_task

from keys import usage
from keys.models import Heartbeat
from kmsconsole import clock


def record_heartbeat(name: str) -> None:
    """Write that the background process `name` (`beat` or `worker`) lives now."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": clock.now()})


@shared_task(name="keys.heartbeat")
def heartbeat() -> None:
    """Show that messages of beat reach a worker, and it the database."""
    record_heartbeat("worker")


@shared_task(name="keys.roll_up_usage")
def roll_up_usage() -> None:
    """Count how keys were used since the last time."""
    usage.roll_up()
