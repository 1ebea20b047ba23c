"""PostgreSQL, Redis and RabbitMQ of a test's own, from Debian's packages.

Each runs on a free port of loopback in a folder that is thrown away, can be stopped,
killed and started again, and is gone afterwards. Started by root, they run as the user
their package made, as two of them refuse to be root.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from tests.surroundings import free_port

_PATIENCE_SECONDS = 60.0
# Databases of Redis, virtual hosts of RabbitMQ: two services in one share their queue.
BROKER_SPACES = 64
_RABBITMQ = Path("/usr/lib/rabbitmq/bin")


def postgresql_programs() -> Path | None:
    """Return the folder of the newest initdb and pg_ctl; None without the package."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest else None


class Backend(ABC):
    """A server in a folder of its own; `url` is how the service finds it."""

    name: ClassVar[str]
    package: ClassVar[str]
    user: ClassVar[str]
    kill_with: ClassVar[int] = signal.SIGKILL

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Return how a client reaches it."""

    @classmethod
    @abstractmethod
    def installed(cls) -> bool:
        """Whether its programs are on this machine."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return what runs the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it can be used now."""

    def environment(self) -> dict[str, str]:
        """Return what the server itself reads from its environment."""
        return {}

    def create(self) -> None:  # noqa: B027 - not all of them need it
        """Prepare the folder before the first start."""

    def start(self) -> None:
        """Start it and wait until it can be used."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self._env(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._as_user(),
            )
        _wait(self._answers_or_ended, f"{self.name}, see {self.folder / 'log'}")

    def _answers_or_ended(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        return self.answers()

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it and wait until nothing of it is left."""
        process, self.process = self.process, None
        if process is None:
            return
        group = process.pid
        _signal_group(group, number)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            _signal_group(group, signal.SIGKILL)
            process.wait()
        _signal_group(group, signal.SIGKILL)

    def kill(self) -> None:
        """End it at once, as a machine does that loses its power."""
        self.stop(self.kill_with)

    def run(self, *command: str) -> str:
        """Run one of its own tools to the end; returns what that printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
            **self._as_user(),
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Backend"]:
        """Run one until the block ends, however it ends."""
        # Not where this process keeps its own: another user has to get in.
        place = os.environ.get("TMPDIR", "/tmp")
        prefix = f"kmsconsole-{cls.name.lower()}-"
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        backend = cls(folder)
        try:
            if os.geteuid() == 0:
                shutil.chown(folder, cls.user)
            backend.create()
            backend.start()
            yield backend
        finally:
            backend.stop()
            backend.clean_up()
            shutil.rmtree(folder, ignore_errors=True)

    def clean_up(self) -> None:  # noqa: B027 - not all of them need it
        """End what the server started beside itself."""

    def _as_user(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        group = pwd.getpwnam(self.user).pw_gid
        return {"user": self.user, "group": group, "extra_groups": []}

    def _env(self) -> dict[str, str]:
        home = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        return home | self.environment()


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _wait(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, f"{what} did not come up"
        time.sleep(0.05)


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class PostgreSQL(Backend):
    """A cluster with durability as the package ships it."""

    name, package, user = "PostgreSQL", "postgresql", "postgres"
    # Every process of it ends at once and recovers at the next start, as after -9; but
    # nobody is left behind who still holds its memory.
    kill_with = signal.SIGQUIT

    @property
    def url(self) -> str:
        """Return the URL of its empty database."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/postgres"

    @classmethod
    def installed(cls) -> bool:
        """Whether initdb is there, and somebody to run the server as."""
        return postgresql_programs() is not None and _has_user(cls.user)

    def create(self) -> None:
        """Make the cluster; whoever reaches the port is its superuser."""
        options = ("-U", self.user, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.run(self._program("initdb"), *options, str(self.folder / "data"))

    def command(self) -> list[str]:
        """Return the server with its sockets in the folder."""
        options = ["-D", str(self.folder / "data"), "-p", str(self.port)]
        settings = (
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
        )
        more = ("max_connections=200",)
        for setting in (*settings, *more):
            options += ["-c", setting]
        return [self._program("postgres"), *options]

    def answers(self) -> bool:
        """Ask it the way its own tool does."""
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", self.user)
        ready = [self._program("pg_isready"), *where]
        return subprocess.run(ready, capture_output=True, check=False).returncode == 0

    def tool(self, name: str, *arguments: str) -> str:
        """Run one of PostgreSQL's own tools on this server; returns what it printed."""
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", self.user)
        return self.run(self._program(name), *where, *arguments)

    def _program(self, name: str) -> str:
        programs = postgresql_programs()
        assert programs is not None
        return str(programs / name)


class Redis(Backend):
    """A server that keeps nothing on the disk: what it loses, sweeps find again."""

    name, package, user = "Redis", "redis-server", "redis"

    @property
    def url(self) -> str:
        """Return the URL of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    @classmethod
    def installed(cls) -> bool:
        """Whether the server is there, and somebody to run it as."""
        return shutil.which("redis-server") is not None and _has_user(cls.user)

    def command(self) -> list[str]:
        """Return the server, without persistence."""
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--dir": str(self.folder),
            "--save": "",
            "--appendonly": "no",
            "--databases": str(BROKER_SPACES),
        }
        return ["redis-server", *(part for pair in options.items() for part in pair)]

    def answers(self) -> bool:
        """Ask it in its own protocol."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


class RabbitMQ(Backend):
    """A node of its own, with a port mapper of its own."""

    name, package, user = "RabbitMQ", "rabbitmq-server", "rabbitmq"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._mapper_port, self._node_port = free_port(), free_port()

    @property
    def url(self) -> str:
        """Return the URL of its first virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/kms0"

    @classmethod
    def installed(cls) -> bool:
        """Whether the server is there, and somebody to run it as."""
        return (_RABBITMQ / "rabbitmq-server").is_file() and _has_user(cls.user)

    def environment(self) -> dict[str, str]:
        """Return everything that would otherwise be the machine's one node."""
        folder = self.folder
        return {
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "RABBITMQ_NODENAME": f"kms{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            # Two threads and an eighth of the memory are plenty here.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def create(self) -> None:
        """Switch every plugin off; give each service of a test a virtual host."""
        hosts = [f"kms{number}" for number in range(BROKER_SPACES)]
        every = {"configure": ".*", "write": ".*", "read": ".*"}
        definitions = {
            "users": [{"name": "guest", "password": "guest", "tags": ""}],
            "vhosts": [{"name": host} for host in hosts],
            "permissions": [
                {"user": "guest", "vhost": host, **every} for host in hosts
            ],
        }
        lines = (
            f"load_definitions = {self.folder / 'definitions.json'}",
            "disk_free_limit.absolute = 10MB",
            "log.console.level = warning",
        )
        for name, text in {
            "definitions.json": json.dumps(definitions),
            "enabled_plugins": "[].\n",
            "rabbitmq.conf": "".join(f"{line}\n" for line in lines),
        }.items():
            (self.folder / name).write_text(text, encoding="ascii")

    def command(self) -> list[str]:
        """Return the node."""
        return [str(_RABBITMQ / "rabbitmq-server")]

    def answers(self) -> bool:
        """Whether it greets as a broker does: it refuses a header it doesn't know."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"AMQP\x00\x00\x00\x00")
                return connection.recv(4) == b"AMQP"
        except OSError:
            return False

    def clean_up(self) -> None:
        """End the port mapper, which outlives its node."""
        mapper = shutil.which("epmd") or "epmd"
        command = [mapper, "-port", str(self._mapper_port), "-kill"]
        # It refuses while it still knows a node: for a moment after the node's end.
        until = time.monotonic() + _PATIENCE_SECONDS
        while self._mapper_answers() and time.monotonic() < until:
            subprocess.run(command, env=self._env(), capture_output=True, check=False)
            time.sleep(0.05)

    def _mapper_answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._mapper_port), 1).close()
        except OSError:
            return False
        return True
