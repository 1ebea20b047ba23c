"""A PostgreSQL server of the benchmark's own, in a folder that is thrown away."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.servers import free_port

MISSING = "no PostgreSQL server on this machine: apt-get install postgresql"
_USER = "postgres"


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _run(command: list[str], folder: Path) -> None:
    # The server refuses to run as root.
    prefix = ["runuser", "-u", _USER, "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*prefix, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def cluster() -> Iterator[str | None]:
    """Yield the URL of an empty database with default durability; None without one."""
    programs = _programs()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="kmsconsole-bench-pg-"))
    port = free_port()
    if os.geteuid() == 0:
        shutil.chown(folder, _USER)
    control = [str(programs / "pg_ctl"), "-D", str(folder / "data"), "-w"]
    try:
        _run(
            [
                str(programs / "initdb"),
                "-U",
                _USER,
                "-A",
                "trust",
                str(folder / "data"),
            ],
            folder,
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
        log = str(folder / "log")
        _run([*control, "-l", log, "-o", options, "start"], folder)
        try:
            yield f"postgresql://{_USER}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "fast", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
