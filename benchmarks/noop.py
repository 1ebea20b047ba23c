"""The same server with an API that answers at once: what the service can't beat.

Server, intake, lane, front, request number, address and JSON are the product's own;
signature, permission, HSM and audit are left out.
"""

import sys
from typing import Any

from kmsconsole import web

_ANSWER: dict[str, Any] = {"CiphertextBlob": "x" * 140, "KeyId": "y" * 36}


def _constant(*_request: Any) -> dict[str, Any]:
    return _ANSWER


if __name__ == "__main__":
    web.serve("127.0.0.1", int(sys.argv[1]), int(sys.argv[2]), None, __spec__.name)
elif __name__ == "benchmarks.noop":
    # First: it sets Django up.
    from kmsconsole.serving import application

    from keys.api import dispatch  # isort: skip

    __all__ = ["application"]
    dispatch.receive = dispatch.run = _constant
