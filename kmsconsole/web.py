"""`python -m kmsconsole.web`: the web server and its workers, as settings say.

Ends with its workers when it is asked to; starts another one for each that ends.
"""

import logging
import sys

from uvicorn import Config
from uvicorn.supervisors import Multiprocess

from kmsconsole.wire import HEAD_SECONDS, Protocol

# Under honcho's own patience of 5 s, after which it kills.
_STOP_SECONDS = 4
_BACKLOG = 2048
# A worker that answers nothing at all for so long is ended; a busy one answers.
_HUNG_SECONDS = 30


def serve(
    address: str,
    port: int,
    workers: int,
    tls: tuple[str, str] | None,
    module: str = "kmsconsole.serving",
) -> None:
    """Serve until a signal asks for the end; `tls` is (certificate, key) as paths.

    `module` is what each worker imports; its `application` answers.
    """
    config = Config(
        f"{module}:application",
        host=address,
        port=port,
        workers=workers,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=HEAD_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_worker_healthcheck=_HUNG_SECONDS,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    Multiprocess(config, sockets=[config.bind_socket()]).run()


if __name__ == "__main__":
    address, port, workers, *tls = sys.argv[1:]
    serve(address, int(port), int(workers), (tls[0], tls[1]) if tls else None)
