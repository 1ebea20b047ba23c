"""Prepared, signed requests and the load generator that sends them.

`wrk` (Debian) sends them over connections that stay open, eight of them by default; an
answer that is not a success counts as a failure. Everything stays on this machine's
loopback.
"""

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONNECTIONS = 8
# Of a crowd that wants throughput and can wait a little.
MANY_CONNECTIONS = 32
PLAINTEXT_BYTES = 32


@dataclass(frozen=True)
class Measured:
    """Throughput of a run in requests a second, latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failures: int

    def __str__(self) -> str:
        text = (
            f"{self.per_second:8.0f}/s  p50 {self.p50_ms:6.2f} ms  "
            f"p99 {self.p99_ms:6.2f} ms"
        )
        return text + (f"  FAILURES {self.failures}" if self.failures else "")


@dataclass(frozen=True)
class Prepared:
    """One request, ready to be sent as it is."""

    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Signer:
    """Signs like the official SDK: content-type and host, whole seconds."""

    secret_id: str
    secret_key: str
    host: str

    def sign(self, action: str, parameters: dict[str, str], moment: int) -> Prepared:
        """Return the signed request of `action` as of `moment` (Unix seconds)."""
        body = json.dumps(parameters)
        date = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
        scope = f"{date}/kms/tc3_request"
        canonical = (
            f"POST\n/\n\ncontent-type:application/json\nhost:{self.host}\n\n"
            f"content-type;host\n{hashlib.sha256(body.encode()).hexdigest()}"
        )
        to_sign = (
            f"TC3-HMAC-SHA256\n{moment}\n{scope}\n"
            f"{hashlib.sha256(canonical.encode()).hexdigest()}"
        )
        key = ("TC3" + self.secret_key).encode()
        for part in (date, "kms", "tc3_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        return Prepared(
            {
                "Host": self.host,
                "Content-Type": "application/json",
                "X-TC-Action": action,
                "X-TC-Version": "2019-01-18",
                "X-TC-Region": "ap-guangzhou",
                "X-TC-Timestamp": str(moment),
                "X-TC-Language": "en-US",
                "Authorization": (
                    f"TC3-HMAC-SHA256 Credential={self.secret_id}/{scope}, "
                    f"SignedHeaders=content-type;host, Signature={signature}"
                ),
            },
            body,
        )


def encrypt_requests(signer: Signer, key_id: str, count: int) -> list[Prepared]:
    """Return `count` Encrypt requests, no two with the same signature."""
    now = int(time.time())
    return [
        signer.sign(
            "Encrypt",
            {
                "KeyId": key_id,
                "Plaintext": base64.b64encode(
                    number.to_bytes(PLAINTEXT_BYTES, "big")
                ).decode(),
            },
            now,
        )
        for number in range(count)
    ]


def run(
    address: str,
    requests: Iterable[Prepared],
    seconds: int,
    connections: int = CONNECTIONS,
) -> Measured:
    """Send the requests in turn for `seconds` and measure."""
    wrk = shutil.which("wrk")
    if wrk is None:
        message = "wrk is missing: apt-get install wrk"
        raise SystemExit(message)
    with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
        for request in requests:
            # The header's own equals signs stay: only the first one separates.
            fields = "\t".join(f"{k}={v}" for k, v in request.headers.items())
            file.write(f"/\n{fields}\n{request.body}\n\n")
        file.flush()
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
        done = subprocess.run(
            [*command, "-s", str(HERE / "load.lua"), address],
            env={**os.environ, "REQUESTS": file.name},
            capture_output=True,
            text=True,
            check=False,
        )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            result = json.loads(line.removeprefix("RESULT "))
            return Measured(
                result["requests"] / result["seconds"],
                result["p50_ms"],
                result["p99_ms"],
                result["failures"],
            )
    message = f"wrk failed: {done.stderr or done.stdout}"
    raise SystemExit(message)
