"""The process that generates one key pair: order on standard input, answer on output.

Started by keys.hsm.apart as `python -m keys.hsm.generator`.
"""

import json
import sys
from pathlib import Path

from keys.hsm.errors import HsmError
from keys.hsm.templates import KEY_SPECS, HierarchyKind
from keys.hsm.token import Token, TokenSettings


def main() -> None:
    """Generate what is ordered and write blob and SPKI, or the name of the error."""
    order = json.load(sys.stdin)
    lock = Path(order["lock"]) if order.get("lock") else None
    settings = TokenSettings(
        order["module"], order["label"], lambda: order["pin"], lock
    )
    token = Token(settings)
    try:
        root = token.find_object(bytes.fromhex(order["root"]), HierarchyKind.ROOT)
        blob, public_key = token.generate_pair(root, KEY_SPECS[order["spec"]])
        answer = {"blob": blob.hex(), "public_key": public_key.hex()}
    except HsmError as error:
        answer = {"error": type(error).__name__}
    finally:
        token.close()
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
