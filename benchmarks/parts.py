"""`make bench ARGS=parts`: where the processor time of one Encrypt request goes.

Every part is called alone, as the request calls it, in one process; of many short
rounds the quickest counts, so that other work on the machine shows little. Processor
time, not time on the clock: waiting for the disk is not in it.
"""

import base64
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import servers
from benchmarks.load import Prepared, Signer

# ruff: noqa: PLC0415, SLF001 - Django is set up first; parts are the product's inside

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "60"))
CALLS = 100


def quickest(work: Callable[[int], object], rounds: int = ROUNDS) -> float:
    """Return the microseconds of processor time a call takes in the quickest round."""
    found = []
    for turn in range(rounds):
        begun = time.process_time()
        for at in range(CALLS):
            work(turn * CALLS + at)
        found.append((time.process_time() - begun) / CALLS * 1e6)
    return min(found)


def environ(request: Prepared) -> dict[str, Any]:
    body = request.body.encode()
    made: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        made[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return made


def requests(signer: Signer, key_id: str, number: int) -> list[dict[str, Any]]:
    """Return `number` requests as the web server hands them on, each signed anew."""
    now = int(time.time())
    texts = (base64.b64encode(n.to_bytes(32, "big")).decode() for n in range(number))
    parameters = ({"KeyId": key_id, "Plaintext": text} for text in texts)
    return [environ(signer.sign("Encrypt", each, now)) for each in parameters]


def answered(
    application: Callable[..., Any], waiting: list[dict[str, Any]]
) -> Callable[[int], None]:
    def work(at: int) -> None:
        content = application(waiting[at], lambda *_: None)[0]
        if b"Error" in content:
            raise SystemExit(content)

    return work


def parts(signer: Signer) -> dict[str, float]:
    """Measure everything in this process, which has a data folder of its own."""
    from kmsconsole.wsgi import application  # isort: skip - sets Django up

    from accessctl import credentials
    from keys import material
    from keys.api import body, signature
    from keys.operations import Encrypt
    from keys.operations.cryptography import encrypt
    from kmsconsole import randomness
    from kmsconsole.audit import queries, recorder
    from kmsconsole.audit.models import Outcome
    from kmsconsole.principals import Call

    made = environ(signer.sign("CreateKey", {"Alias": "parts"}, int(time.time())))
    answer = json.loads(application(made, lambda *_: None)[0])
    key_id = answer["Response"]["KeyId"]
    found = credentials.find(signer.secret_id)
    if found is None:
        raise SystemExit(answer)
    one = requests(signer, key_id, 1)[0]
    content = one["wsgi.input"].read()
    request = signature.SignedRequest("POST", one["HTTP_X_TC_TIMESTAMP"], one, content)
    call = Call(found.principal, "ap-guangzhou", str(randomness.uuid4()), "127.0.0.1")
    data = Encrypt.Input.model_validate(json.loads(content))
    key = material.find(data.key_id, call.principal.account_uin, call.region)  # type: ignore[attr-defined]
    if key is None:
        raise SystemExit(answer)
    event = recorder.Event(
        call, "Encrypt", Outcome.SUCCESS, key_id, 1, details={"KeyId": key_id}
    )

    def signed(_: int) -> None:
        known = signature.parse_authorization(one["HTTP_AUTHORIZATION"])
        signature.holds(request, known, signer.secret_key)

    def written(_: int) -> None:
        event.call = Call(
            found.principal,
            call.region,
            call.request_id,
            call.source_address,
            randomness.token_bytes(32),
        )
        recorder.write([event])

    writer = recorder._writer.current()
    whole = answered(application, requests(signer, key_id, ROUNDS * CALLS))
    measured = {
        "signature": quickest(signed),
        "JSON, then the operation's input": quickest(
            lambda _: Encrypt.Input.model_validate(body.parse_json(content))
        ),
        "access key, its owner and account": quickest(
            lambda _: credentials.find(signer.secret_id)
        ),
        "has this signature been seen": quickest(
            lambda _: queries.first_sight(randomness.token_bytes(32))
        ),
        "key and version": quickest(
            lambda _: material.find(key.id, key.account_uin, key.region)
        ),
        "HSM call with codec": quickest(lambda _: encrypt(key, b"x" * 32, b"")),
        "event: row and digest": quickest(lambda _: recorder._rows([event], writer)),
    }
    measured["event: insert and commit"] = (
        quickest(written) - measured["event: row and digest"]
    )
    total = quickest(whole)
    measured["dispatch, permission, state, answer"] = total - sum(measured.values())
    return measured | {"one request": total}


def main() -> int:
    """Print a line a part; SQLite with NORMAL, as the disk is not the question."""
    with servers.prepared_home() as home:
        url = servers.sqlite(home, "NORMAL")
        env = servers.environment(home, DATABASE_URL=url)
        env["DJANGO_SETTINGS_MODULE"] = "kmsconsole.settings"
        key = servers.access_key(env)
        command = [sys.executable, "-m", "benchmarks.parts"]
        done = subprocess.run(
            [*command, key["SecretId"], key["SecretKey"]],
            cwd=servers.ROOT,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    for name, microseconds in json.loads(done.stdout.splitlines()[-1]).items():
        print(f"{name:38} {microseconds:6.0f} us")
    return 0


if __name__ == "__main__":
    made_by_benchmark = Signer(sys.argv[1], sys.argv[2], "127.0.0.1:1")
    sys.stdout.write(json.dumps(parts(made_by_benchmark)) + "\n")
