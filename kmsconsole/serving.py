"""What the web server imports in each of its workers."""

import os
import threading

from kmsconsole.supervision import die_with_parent

# Before anything is opened: a worker must not outlive a server that is killed.
die_with_parent(os.getppid())

from kmsconsole import intake  # noqa: E402 - after the line above
from kmsconsole.wsgi import application  # noqa: E402

threading.Thread(target=intake.watch, daemon=True).start()

__all__ = ("application",)
