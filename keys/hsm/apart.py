"""Generating a key pair in a process of its own.

Finding primes takes an HSM seconds, and calls into it are made one at a time in a
process, so everybody else would wait. A second session beside the lock is no way out:
a recovery ends all sessions of the process, also one that is in the middle of a call.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from keys.hsm import errors
from keys.hsm.connection import TokenSettings

_MODULE = "keys.hsm.generator"
_ROOT = Path(__file__).resolve().parent.parent.parent
_LONGEST_SECONDS = 60.0
_NO_ANSWER = "the HSM did not generate a key pair"


def generate_pair(
    settings: TokenSettings, pin: str, root_id: bytes, spec: str
) -> tuple[bytes, bytes]:
    """Return the private half wrapped under the root of this id, and the SPKI (DER).

    The order goes through a pipe: nobody can read the PIN from a list of processes or
    their environments. Raises the HsmError the other process met, and HsmDown where it
    dies or takes more than a minute.
    """
    order = {
        "module": settings.module,
        "label": settings.label,
        "lock": str(settings.lock) if settings.lock else None,
        "pin": pin,
        "root": root_id.hex(),
        "spec": spec,
    }
    answer = _answer(json.dumps(order).encode(), pin)
    if "error" in answer:
        raise _refusal(answer["error"])
    return bytes.fromhex(answer["blob"]), bytes.fromhex(answer["public_key"])


def _answer(order: bytes, pin: str) -> dict[str, Any]:
    try:
        process = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            [sys.executable, "-m", _MODULE],
            input=order,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env={name: value for name, value in os.environ.items() if value != pin},
            timeout=_LONGEST_SECONDS,
            check=True,
        )
        answer: dict[str, Any] = json.loads(process.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        # Not chained: these errors carry what was answered.
        raise errors.HsmDown(_NO_ANSWER) from None
    return answer


def _refusal(name: str) -> errors.HsmError:
    found = getattr(errors, name, errors.HsmDown)
    if found in (errors.HsmPinRefused, errors.HsmLimit, errors.HsmMismatch):
        refusal: errors.HsmError = found(_NO_ANSWER)
        return refusal
    return errors.HsmDown(_NO_ANSWER)
