"""Application configuration of the keys app."""

from django.apps import AppConfig

from keys import erasure


class KeysConfig(AppConfig):
    """Customer master keys."""

    name = "keys"

    def ready(self) -> None:
        """Let erased rows be overwritten."""
        erasure.connect()
