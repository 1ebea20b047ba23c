"""Requests at a fixed rate, whatever the server does: an open loop.

Each latency counts from the moment the request was due, so that a server which stands
still is charged for everything that had to wait.
"""

import http.client
import json
import math
import threading
import time
from dataclasses import dataclass
from itertools import count

from benchmarks.load import Prepared

_CONNECTIONS = 32


@dataclass(frozen=True)
class Paced:
    """Latencies in milliseconds at `rate` requests a second."""

    rate: int
    p50_ms: float
    p99_ms: float
    failures: int

    def __str__(self) -> str:
        text = f"{self.rate:8d}/s  p50 {self.p50_ms:6.2f} ms  p99 {self.p99_ms:6.2f} ms"
        return text + (f"  FAILURES {self.failures}" if self.failures else "")


def run(port: int, requests: list[Prepared], rate: int, seconds: int) -> Paced:
    """Send `rate` requests a second for so many seconds and measure each."""
    number = min(rate * seconds, len(requests))
    numbers = count()
    latencies: list[float] = []
    failures: list[str] = []
    begin = time.perf_counter() + 0.5

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while (at := next(numbers)) < number:
            due = begin + at / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            request = requests[at]
            try:
                connection.request("POST", "/", request.body, request.headers)
                answer = json.load(connection.getresponse())["Response"]
            except (OSError, http.client.HTTPException, ValueError) as error:
                failures.append(type(error).__name__)
                connection.close()
                continue
            latencies.append((time.perf_counter() - due) * 1e3)
            if "Error" in answer:
                failures.append(answer["Error"]["Code"])
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = sorted(latencies) or [math.nan]
    return Paced(
        rate,
        ordered[len(ordered) // 2],
        ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
        len(failures),
    )
