"""The processes of a service, as the system tells of them."""

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(
    condition: Callable[[], bool], seconds: float = 10.0, pause: float = 0.1
) -> bool:
    """Wait for that long at most; returns whether it came true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(pause)
    return False


def processes_of(home: Path) -> set[int]:
    """Return the processes whose environment names this data folder."""
    needle = f"KMS_HOME={home}".encode()
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and needle in (
                (entry / "environ").read_bytes().split(b"\0")
            ):
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z":
                    found.add(int(entry.name))
        except OSError:
            continue
    return found


def leader_of(home: Path, part: str) -> int:
    """Return the first process of that command line; the others are its children."""
    words = {word.encode() for word in part.split("\0")}
    return min(pid for pid in processes_of(home) if words <= set(_command_of(pid)))


def workers_of(web: int) -> set[int]:
    """Return the workers that a web server started, without what counts for it."""
    listed = Path(f"/proc/{web}/task/{web}/children").read_text()
    return {
        int(pid)
        for pid in listed.split()
        if any(b"spawn_main" in word for word in _command_of(int(pid)))
    }


def _command_of(pid: int) -> list[bytes]:
    """Return the words that started it; none if it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
