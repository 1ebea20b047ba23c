"""Application configuration of the alarms."""

from django.apps import AppConfig


class AlarmsConfig(AppConfig):
    """What people have to know, and how it reaches them."""

    name = "kmsconsole.alarms"
    label = "alarms"
