"""`python -m kmsconsole.web`: the web server and its workers, as settings say.

Ends with its workers when it is asked to; starts another one for each that ends.
"""

import logging
import resource
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.sharedctypes import RawArray
from socket import socket

from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from kmsconsole import logs
from kmsconsole.doors import ABSENT, FairServer, Shares
from kmsconsole.wire import HEAD_SECONDS, Protocol

log = logging.getLogger("uvicorn.error")

# Under honcho's own patience of 5 s, after which it kills.
_STOP_SECONDS = 4
_BACKLOG = 2048
# A worker that doesn't even say that it is there for so long is ended.
_HUNG_SECONDS = 30
# One after the other, none of which came to answer anything.
_MOST_LOST = 5
# Each connection is an open file; more than a worker can bear is no use.
_MOST_FILES = 65_536


class _Config(Config):
    def load(self) -> None:
        """Load what answers; whoever can't will not be able to the next time."""
        try:
            super().load()
        except Exception:
            log.exception("A web worker can't start")
            sys.exit(STARTUP_FAILURE)


class _Worker(Process):
    """A worker that knows which of all it is."""

    def __init__(
        self, config: Config, sockets: list[socket], shares: Shares, place: int
    ) -> None:
        self._shares = shares
        self._place = place
        super().__init__(config, sockets)

    @property
    def server(self) -> Server:
        """What serves, in the worker itself."""
        if self._server is None:
            self._server = FairServer(self.config, self._shares, self._place)
        return self._server


class _Workers(Multiprocess):
    """Workers that are replaced when they end, unless they can't start at all."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.failed = False
        self._asked: dict[Process, float] = {}
        self._ready: set[Process] = set()
        self._lost = 0
        self._shares: Shares = RawArray("i", [ABSENT] * self.processes_num)

    def init_processes(self) -> None:
        """Start as many as there are to be."""
        for place in range(self.processes_num):
            self.processes.append(self._begun(place))

    def restart_all(self) -> None:
        """Replace each worker by one that serves before the old one ends."""
        for place, old in enumerate(self.processes):
            new = self._begun(place)
            if not new.wait_until_ready(_HUNG_SECONDS, self.should_exit):
                new.kill()
                new.join()
                log.error("A new web worker can't start: the others stay")
                return
            old.terminate()
            old.join()
            self.processes[place] = new

    def handle_ttin(self) -> None:
        """Start no more workers: how many there are is a setting."""

    def handle_ttou(self) -> None:
        """End no worker: how many there are is a setting."""

    def _begun(self, place: int) -> _Worker:
        self._shares[place] = ABSENT
        worker = _Worker(self.config, self.sockets, self._shares, place)
        worker.start()
        return worker

    def keep_subprocess_alive(self) -> None:
        """Replace workers that ended or hang; waits for none."""
        for index, worker in enumerate(self.processes):
            if self.should_exit.is_set() or self.signal_queue:
                # Workers may have been told to end before this process was.
                return
            if worker.process.is_alive() and not self._hangs(worker):
                continue
            worker.kill()
            worker.join()
            self._lost = 0 if worker in self._ready else self._lost + 1
            if worker.exitcode == STARTUP_FAILURE or self._lost > _MOST_LOST:
                log.error("Web workers can't start: the web server ends")
                self.failed = True
                self.should_exit.set()
                return
            log.warning("Web worker %s ended (%s)", worker.pid, worker.exitcode)
            self._asked.pop(worker, None)
            self._ready.discard(worker)
            self.processes[index] = self._begun(index)

    def _hangs(self, worker: Process) -> bool:
        """Ask whether it is there, and say whether it owes the answer for too long."""
        now = time.monotonic()
        with suppress(OSError, EOFError):
            if worker.parent_conn.poll():
                if worker.parent_conn.recv():
                    self._ready.add(worker)
                self._asked.pop(worker, None)
            if worker not in self._asked:
                self._asked[worker] = now
                worker.parent_conn.send(b"ping")
        return now - self._asked.get(worker, now) > _HUNG_SECONDS


def _tls_context(_config: Config, made: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = made()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Nothing without forward secrecy, nothing that authenticates after it decrypted.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    return context


def serve(
    address: str,
    port: int,
    workers: int,
    tls: tuple[str, str] | None,
    module: str = "kmsconsole.serving",
) -> None:
    """Serve until a signal asks for the end; `tls` is (certificate, key) as paths.

    `module` is what each worker imports; its `application` answers. Exits with 1 where
    workers can't start.
    """
    config = _Config(
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
        ssl_context_factory=_tls_context if tls else None,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(logs.formatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    _allow_many_files()
    running = _Workers(config, [config.bind_socket()])
    running.run()
    if running.failed:
        sys.exit(1)


def _allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if 0 <= most < _MOST_FILES else _MOST_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


if __name__ == "__main__":
    address, port, workers, *tls = sys.argv[1:]
    serve(address, int(port), int(workers), (tls[0], tls[1]) if tls else None)
