"""What the web server imports in each of its workers."""

import multiprocessing

from kmsconsole.supervision import die_with_parent

# Before anything is opened: a worker must not outlive a server that is killed.
if _server := multiprocessing.parent_process():
    die_with_parent(_server.pid or 0)

from kmsconsole import upkeep
from kmsconsole.asgi import application

__all__ = ("application",)

upkeep.begin()
