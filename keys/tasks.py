"""The heartbeat: shows that messages of beat reach a worker, and it the database."""

from celery import shared_task

from keys.models import Heartbeat
from kmsconsole import clock
from kmsconsole.schedule import clock_guard


def record_heartbeat(name: str) -> None:
    """Write that the background process `name` (`beat` or `worker`) lives now."""
    clock_guard.observe()
    Heartbeat.objects.update_or_create(name=name, defaults={"at": clock.now()})


@shared_task(name="keys.heartbeat")
def heartbeat() -> None:
    """Show that messages of beat reach a worker, and it the database."""
    record_heartbeat("worker")
