"""Rates: shared by processes, each identity and action by itself, off by default."""

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import override_settings

from keys import rates
from keys.api import limits
from keys.models import Rate
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from tests.api.wire import Sender
from tests.surroundings import ROOT

pytestmark = pytest.mark.django_db

EXCEEDED = "RequestLimitExceeded"


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime]:
    """Let time stand; signatures are made and checked with this clock's second."""
    hands = {"now": datetime.now(UTC).replace(microsecond=0)}
    monkeypatch.setattr(clock, "now", lambda: hands["now"])
    return hands


def test_nothing_is_counted_by_default(sender: Sender) -> None:
    assert sender.ask("GetRegions").code == ""
    assert not Rate.objects.exists()


@override_settings(KMS_RATE_LIMITS="source")
def test_each_identity_and_action_has_its_own_limit(
    sender: Sender, foreign: Sender, moment: dict[str, datetime], monkeypatch: Any
) -> None:
    monkeypatch.setitem(limits.SOURCE, "GetRegions", 3)
    codes = [sender.ask("GetRegions").code for _ in range(5)]
    assert codes == ["", "", "", EXCEEDED, EXCEEDED]
    assert sender.ask("ListAlgorithms").code == ""
    assert foreign.ask("GetRegions").code == ""
    event = AuditEvent.objects.filter(error_code=EXCEEDED).latest("sequence")
    assert (event.operation, event.outcome) == ("GetRegions", "refused")
    moment["now"] += timedelta(seconds=1)
    assert sender.ask("GetRegions").code == ""
    # A process whose clock lags counts into the newest second.
    moment["now"] -= timedelta(seconds=1)
    codes = [sender.ask("GetRegions").code for _ in range(3)]
    assert codes == ["", "", EXCEEDED]


def test_the_figures_of_the_source() -> None:
    wanted = {"Encrypt": 300, "GenerateDataKey": 150, "RotateKey": 20, "CreateKey": 100}
    with override_settings(KMS_RATE_LIMITS="source"):
        assert {action: limits.limit_of(action) for action in wanted} == wanted
    with override_settings(KMS_RATE_LIMITS="7"):
        assert {limits.limit_of(action) for action in wanted} == {7}


def test_an_unknown_word_stops_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import kmsconsole.settings"],
        cwd=ROOT,
        env={"KMS_RATE_LIMITS": "fast", "KMS_HOME": "/nonexistent", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "KMS_RATE_LIMITS must be off, source" in done.stderr


def test_counting_is_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert rates.add("1", "Encrypt", 1) == 1


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a setting of SQLite")
@pytest.mark.django_db(transaction=True)
def test_only_the_count_is_committed_without_waiting() -> None:
    levels = []

    def level() -> int:
        with connection.cursor() as cursor:
            found: int = cursor.execute("PRAGMA synchronous").fetchone()[0]
            return found

    def watch(execute: Any, sql: str, *more: Any) -> Any:
        if sql.startswith("INSERT INTO keys_rate"):
            levels.append(raw.execute("PRAGMA synchronous").fetchone()[0])
        return execute(sql, *more)

    before = level()
    connection.cursor().execute("PRAGMA synchronous=FULL")
    raw: Any = connection.connection
    with connection.execute_wrapper(watch):
        assert rates.add("1", "Encrypt", 1) == 1
    assert (levels, level()) == ([1], 2)
    with pytest.raises(DatabaseError):
        rates.add(None, "Encrypt", 1)  # type: ignore[arg-type]
    assert level() == 2
    connection.cursor().execute(f"PRAGMA synchronous={before}")


def test_failing_rsa_decryption_is_slowed_down(
    sender: Sender, moment: dict[str, datetime], monkeypatch: Any
) -> None:
    monkeypatch.setattr("keys.operations.asymmetric.MOST_FAILURES", 3)
    usage = {"Alias": "pair", "KeyUsage": "ASYMMETRIC_DECRYPT_RSA_2048"}
    key_id = sender.ask("CreateKey", **usage).response["KeyId"]
    asked = {"KeyId": key_id, "Algorithm": "RSAES_OAEP_SHA_256"}
    asked["Ciphertext"] = base64.b64encode(bytes(256)).decode()
    codes = [sender.ask("AsymmetricRsaDecrypt", **asked).code for _ in range(5)]
    assert codes == ["FailedOperation.DecryptError"] * 3 + [EXCEEDED] * 2
    moment["now"] += timedelta(minutes=1)
    again = sender.ask("AsymmetricRsaDecrypt", **asked)
    assert again.code == "FailedOperation.DecryptError"
    assert json.dumps(asked["Ciphertext"]) not in str(Rate.objects.values())
