"""`make bench ARGS=memory`: whether a web worker grows with what it has answered.

BENCH_REQUESTS says how many requests (100,000), BENCH_SECONDS_AT_MOST for how long
(300). The slope is the least-squares line through the later half of the samples.
"""

import os
import sys
import time
from pathlib import Path

from benchmarks import load, servers
from benchmarks.load import Signer

REQUESTS = int(os.environ.get("BENCH_REQUESTS", "100000"))
SECONDS_AT_MOST = int(os.environ.get("BENCH_SECONDS_AT_MOST", "300"))
WORKERS = 2
_ROUND_SECONDS = 5
_FEWEST_SAMPLES = 4


def resident(folder: Path) -> dict[int, int]:
    """Return the resident bytes of every process that works on this data folder."""
    wanted = f"KMS_HOME={folder}".encode()
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            pages = int((entry / "statm").read_text().split()[1])
        except OSError:
            continue
        found[int(entry.name)] = pages * os.sysconf("SC_PAGE_SIZE")
    return found


def slope(points: list[tuple[float, float]]) -> float:
    """Return the rise of the least-squares line through these points."""
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread


def main() -> int:
    """Print each process's memory as requests are answered, and what a request adds."""
    with servers.prepared_home() as home:
        env = servers.environment(home)
        key = servers.access_key(env)
        with servers.service(env, WORKERS) as port:
            signer = Signer(key["SecretId"], key["SecretKey"], f"127.0.0.1:{port}")
            key_id = servers.create_key(port, signer)
            samples: dict[int, list[tuple[float, float]]] = {}
            done, failures, begun = 0, 0, time.monotonic()
            while done < REQUESTS and time.monotonic() - begun < SECONDS_AT_MOST:
                requests = load.encrypt_requests(signer, key_id, 30_000)
                address = f"http://127.0.0.1:{port}"
                measured = load.run(address, requests, _ROUND_SECONDS)
                done += round(measured.per_second * _ROUND_SECONDS)
                failures += measured.failures
                for process, size in resident(home).items():
                    samples.setdefault(process, []).append((done, size))
                sizes = "  ".join(f"{s[-1][1] / 2**20:7.1f}" for s in samples.values())
                print(f"{done:9,} requests   MiB {sizes}", flush=True)
    for process, points in samples.items():
        later = points[len(points) // 2 :]
        if len(later) < _FEWEST_SAMPLES:
            print("too few samples for a slope: raise BENCH_SECONDS_AT_MOST")
            break
        # Requests are shared among the workers.
        rise = slope(later) * WORKERS
        print(f"process {process}: {rise:8.1f} bytes a request it answered")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
