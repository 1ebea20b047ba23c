"""What the web server imports in each of its workers."""

import os

from kmsconsole.supervision import die_with_parent

# Before anything is opened: a worker must not outlive a server that is killed.
die_with_parent(os.getppid())

from kmsconsole.wsgi import application  # noqa: E402 - after the line above

__all__ = ("application",)
