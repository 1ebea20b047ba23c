"""Application configuration of the keys app."""

from django.apps import AppConfig


class KeysConfig(AppConfig):
    """Customer master keys."""

    name = "keys"
