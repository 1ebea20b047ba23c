"""How many requests an identity may send for each action in one second.

Off unless `KMS_RATE_LIMITS` says otherwise; then counted in the database, so that all
processes share one count. `source` stands for the figures that the source documents, a
number for every action's.
"""

from django.conf import settings

from keys import rates
from kmsconsole.errors import RequestLimitExceeded
from kmsconsole.operations import Operation
from kmsconsole.principals import Call

SOURCE = {
    "Encrypt": 300,
    "Decrypt": 300,
    "GenerateDataKey": 150,
    "GenerateRandom": 150,
    "AsymmetricRsaDecrypt": 200,
    "AsymmetricSm2Decrypt": 200,
    "RotateKey": 20,
    "UpdateDataKeyDescription": 20,
    "PostQuantumCryptoEncrypt": 20,
    "PostQuantumCryptoDecrypt": 20,
    "PostQuantumCryptoSign": 20,
    "PostQuantumCryptoVerify": 20,
}
# Every other action, and those the source gives no figure for.
SOURCE_OTHERS = 100
_ONE_SECOND = 1


def limit_of(action: str) -> int:
    """Return how many requests a second an action takes from one identity."""
    figure = settings.KMS_RATE_LIMITS
    if figure.isdigit():
        return int(figure)
    return SOURCE.get(action, SOURCE_OTHERS)


def count(call: Call, operation: type[Operation]) -> None:
    """Count a request of a known sender; raises RequestLimitExceeded past a limit."""
    if settings.KMS_RATE_LIMITS == "off":
        return
    action = operation.__name__
    if rates.add(str(call.principal.uin), action, _ONE_SECOND) > limit_of(action):
        raise RequestLimitExceeded
