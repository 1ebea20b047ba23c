"""Application configuration of the schedule."""

from django.apps import AppConfig


class ScheduleConfig(AppConfig):
    """What happens by itself when it is due."""

    name = "kmsconsole.schedule"
    label = "schedule"
