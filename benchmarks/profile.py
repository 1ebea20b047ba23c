"""`make bench ARGS=profile`: where the time of an Encrypt request goes, under load.

py-spy looks at one web worker some hundred times a second while it is asked as fast as
it answers, with SQLite and NORMAL. A sample belongs to the part whose module is the
innermost on the stack; what waits for work is not counted. A share times the time of a
request is what the part costs, waiting included.
"""

import os
import subprocess
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import load, memory, servers
from benchmarks.load import Signer

SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
RATE = 400
PY_SPY = servers.ROOT / ".venv-bench" / "bin" / "py-spy"
# By a piece of the path of the innermost frame that has one.
PARTS = {
    "kmsconsole/audit/turns.py": "event: insert and commit",
    "kmsconsole/audit/recorder.py": "event: row and digest",
    "kmsconsole/audit/queries.py": "has this signature been seen",
    "accessctl/credentials.py": "access key, its owner and account",
    "accessctl/opened.py": "access key, its owner and account",
    "accessctl/evaluator": "permission",
    "keys/material.py": "key and version",
    "keys/api/signature.py": "signature",
    "keys/api/authentication.py": "signature",
    "keys/api/body.py": "JSON",
    "kmsconsole/inputs.py": "the operation's input",
    "pydantic": "the operation's input",
    "keys/hsm": "HSM",
    "keys/custody": "HSM",
    "keys/crypto": "ciphertext blob",
    "keys/operations": "operation",
    "kmsconsole/operations.py": "operation",
    "keys/api/dispatch.py": "dispatch",
    "keys/api/foresight.py": "dispatch",
    "keys/api/front.py": "answer",
    "keys/api/lane.py": "lane",
    "kmsconsole/intake.py": "HTTP",
    "kmsconsole/wire.py": "HTTP",
    "(uvicorn/": "HTTP",
    "(asyncio/": "HTTP",
}
# Where threads stand that have nothing to do: lane, places, watch, the server's own.
IDLE = (
    *("Lane._next", "_worker (concurrent", "_watch (kmsconsole"),
    *("Condition.wait", "Event.wait", "Connection._recv", "Runner.run (asyncio"),
)


def part_of(stack: list[str]) -> str | None:
    """Return the part a sample belongs to; None where its thread waits for work."""
    if stack[-1].startswith(IDLE):
        return None
    for frame in reversed(stack):
        for piece, part in PARTS.items():
            if piece in frame:
                return part
    return "other"


def worker_of(folder: Path) -> int:
    """Return the process ID of the web worker on this data folder."""
    for process in memory.resident(folder):
        if b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes():
            return process
    raise SystemExit("the web server has no worker")


def samples(worker: int) -> Counter[str]:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "stacks"
        command = [str(PY_SPY), "record", "--pid", str(worker), "--format", "raw"]
        command += ["--rate", str(RATE), "--duration", str(SECONDS)]
        subprocess.run(
            [*command, "--output", str(written)], check=True, capture_output=True
        )
        found: Counter[str] = Counter()
        for line in written.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            part = part_of(stack.split(";"))
            if part is not None:
                found[part] += int(count)
    return found


def main() -> int:
    """Print a line a part: its share, and that of the time a request takes."""
    if not PY_SPY.exists():
        print("py-spy is missing: make bench installs it")
        return 1
    with servers.prepared_home() as home, ThreadPoolExecutor(1) as asking:
        env = servers.environment(home, DATABASE_URL=servers.sqlite(home, "NORMAL"))
        key = servers.access_key(env)
        with servers.service(env, 1) as port:
            address = f"http://127.0.0.1:{port}"
            signer = Signer(key["SecretId"], key["SecretKey"], address[7:])
            key_id = servers.create_key(port, signer)
            requests = load.encrypt_requests(signer, key_id, 30_000)
            asked = asking.submit(load.run, address, requests, SECONDS + 2)
            time.sleep(1)
            found = samples(worker_of(home))
            measured = asked.result()
    microseconds = 1e6 / measured.per_second
    print(f"one worker, watched: {measured}")
    for part, count in found.most_common():
        share = count / found.total()
        print(f"{part:38} {share:6.1%} {share * microseconds:6.0f} us")
    return 0
