"""What a request will ask the database, guessed from bytes that nobody proved yet.

A guess only has rows read sooner and together: whatever is asked later is answered from
them where the question is the same to the letter, and from the database otherwise.
"""

import re
from collections.abc import Sequence
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError

from keys import material
from keys.api.authentication import Received
from keys.api.dispatch import Incoming
from keys.api.signature import SignedRequest
from keys.crypto import ciphertext
from keys.operations.cryptography import CryptographicOperation
from kmsconsole.audit import queries
from kmsconsole.principals import credential_question, rules_questions
from kmsconsole.statements import (
    Ahead,
    Question,
    read_ahead,
    worthwhile,
)

_KEY_ID = re.compile(rb'"KeyId" ?: ?"([0-9A-Fa-f-]{36})"')
log = structlog.get_logger(__name__)

# Access key, signature, key.
_WITH_KEY = 3
_BLOB = re.compile(rb'"CiphertextBlob" ?: ?"([0-9A-Za-z+/]{52})')


def read(requests: Sequence[Incoming]) -> list[Ahead]:
    """Read, together, what authenticating each request and its operation will ask."""
    if not worthwhile():
        return [{} for _ in requests]
    try:
        asked = [_questions(each) for each in requests]
        ahead = read_ahead(asked)
        _add_rules(asked, ahead)
    except DatabaseError as error:
        # Each of them then asks by itself and is answered by itself.
        log.warning("rows can't be read together", error=type(error).__name__)
        return [{} for _ in requests]
    return ahead


def _add_rules(asked: Sequence[Sequence[Question]], ahead: Sequence[Ahead]) -> None:
    """Read what permission will ask about those whose key is there."""
    wanted: list[tuple[Ahead, Sequence[Question]]] = []
    for questions, rows in zip(asked, ahead, strict=True):
        if len(questions) < _WITH_KEY:
            continue
        (credential, key) = (questions[0], questions[-1])
        found = rows[credential[0], *credential[1]]
        if found and rows[key[0], *key[1]]:
            rules = rules_questions(found[0], UUID(key[1][1]))
            if rules:
                wanted.append((rows, rules))
    if wanted:
        read = read_ahead([rules for _, rules in wanted])
        for (rows, _), more in zip(wanted, read, strict=True):
            rows.update(more)


def _questions(incoming: Incoming) -> list[Question]:
    received, operation = incoming.received, incoming.operation
    if not isinstance(received, Received):
        return []
    asked = credential_question(received.authorization.secret_id)
    if asked is None:
        return []
    questions = [asked, queries.sight_question(received.fingerprint)]
    if operation is not None and issubclass(operation, CryptographicOperation):
        key = _key(received.request)
        if key is not None:
            questions.append(key)
    return questions


def _key(request: SignedRequest) -> Question | None:
    region = request.environ.get("HTTP_X_TC_REGION") or settings.KMS_REGIONS[0]
    if region not in settings.KMS_REGIONS:
        return None
    found = _KEY_ID.search(request.body)
    if found is not None:
        try:
            return material.question(UUID(found[1].decode("ascii")), region)
        except ValueError:
            return None
    found = _BLOB.search(request.body)
    named = ciphertext.named(found[1]) if found is not None else None
    return None if named is None else material.question(named[0], region, named[1])
